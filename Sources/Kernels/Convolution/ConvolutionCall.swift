/// One image, or some rows of it, through one convolution.
///
///     output[k, y, x] = act(bias[k] + residual[k, y, x]
///                           + Σ_run Σ_l input[runs[run] + l + (y, x)] · weights[k, run, l])
///
/// with `act` = ReLU or nothing, accumulated in float32 for each output in order of `run`, then `l`, starting from
/// bias plus residual. Strides count floats.
///
/// Where the kernel takes pairs, `input` and `weights` hold two bfloat16 numbers in the place of each float, of two
/// neighbouring channels, each product is the sum of two, and `statistics` is nil.
///
/// - `input`: at the first tap of output (0, 0), inside a tensor whose zero halo makes every tap readable.
/// - `runs`: the reduction as offsets into the input, each followed by `runLength` consecutive floats: taps that lie
///   side by side, of one channel block (blocked layout, a multiple of 16) or one channel (planar layout).
/// - `ahead`: for each run the offset of what is asked for meanwhile; may point anywhere.
/// - `weights`: packed by `ConvolutionWeights` for the kernel's `panelLanes`.
/// - `bias`: `blocks · 16` floats.
/// - `output`: blocked layout at output (0, 0); the kernel writes all lanes of all `blocks`, nothing else.
/// - `resultIsNarrow`: whether `output` and `residual` hold bfloat16 numbers. Then the reduction takes one pass, and
///   `statistics` is nil.
/// - `residual`: blocked layout; may be `output` itself, else must not overlap it. No other operand overlaps
///   `output`.
/// - `statistics`: nil, or `[height][3][blocks · 16]` floats to be written with the `RowStatistics` of the result.
public struct ConvolutionCall {
    public var input: UnsafePointer<Float>
    public var weights: UnsafePointer<Float>
    public var bias: UnsafePointer<Float>
    public var residual: UnsafePointer<Float>?
    public var output: UnsafeMutablePointer<Float>
    public var statistics: UnsafeMutablePointer<Float>?
    public var runs: UnsafePointer<Int32>
    public var ahead: UnsafePointer<Int32>
    public var runCount: Int
    public var runLength: Int
    /// Runs of a pass: the sums rest in the output between passes.
    public var runsPerPass: Int
    /// Whether all panels take one pass before the next begins.
    public var passesOutermost: Bool
    /// Whether weights do not stay in the cache, so that those of the next pass are asked for during this one.
    public var prefetchesWeights: Bool
    /// What the last pass asks for: the weights of the call after this one.
    public var followingWeights: UnsafePointer<Float>
    /// What is asked for meanwhile on behalf of others, and how far that got. Kernels of pairs do not: the largest of them would
    /// no longer be one function.
    public var linesAhead: UnsafeMutablePointer<LinesAhead>?
    /// Output channel blocks.
    public var blocks: Int
    public var height: Int
    public var width: Int
    /// From one output row's first tap to the next one's.
    public var inputRowStride: Int
    /// From one output column's first tap to the next one's.
    public var inputPixelStride: Int
    public var outputRowStride: Int
    public var outputBlockStride: Int
    public var residualRowStride: Int
    public var residualBlockStride: Int
    public var rectifies: Bool
    public var resultIsNarrow: Bool

    public init(
        input: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>,
        residual: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>,
        statistics: UnsafeMutablePointer<Float>?, runs: UnsafePointer<Int32>, ahead: UnsafePointer<Int32>,
        runCount: Int, runLength: Int, runsPerPass: Int, passesOutermost: Bool, prefetchesWeights: Bool,
        followingWeights: UnsafePointer<Float>, linesAhead: UnsafeMutablePointer<LinesAhead>? = nil,
        blocks: Int, height: Int, width: Int, inputRowStride: Int,
        inputPixelStride: Int, outputRowStride: Int, outputBlockStride: Int, residualRowStride: Int,
        residualBlockStride: Int, rectifies: Bool,
        resultIsNarrow: Bool = false
    ) {
        self.input = input
        self.weights = weights
        self.bias = bias
        self.residual = residual
        self.output = output
        self.statistics = statistics
        self.runs = runs
        self.ahead = ahead
        self.runCount = runCount
        self.runLength = runLength
        self.runsPerPass = runsPerPass
        self.passesOutermost = passesOutermost
        self.prefetchesWeights = prefetchesWeights
        self.followingWeights = followingWeights
        self.linesAhead = linesAhead
        self.blocks = blocks
        self.height = height
        self.width = width
        self.inputRowStride = inputRowStride
        self.inputPixelStride = inputPixelStride
        self.outputRowStride = outputRowStride
        self.outputBlockStride = outputBlockStride
        self.residualRowStride = residualRowStride
        self.residualBlockStride = residualBlockStride
        self.rectifies = rectifies
        self.resultIsNarrow = resultIsNarrow
    }
}
