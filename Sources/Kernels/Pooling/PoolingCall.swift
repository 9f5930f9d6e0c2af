/// Some output rows of one image through pooling, all operands in the blocked layout:
///
///     output[c, y, x] = max or mean of input[c, y · strideHeight − paddingHeight + r, x · strideWidth − paddingWidth + s]
///
/// over the `r` below `kernelHeight` and `s` below `kernelWidth` that lie in the map; each window holds at least one
/// pixel. A mean sums rows of the window from left to right, then the rows from top to bottom.
///
/// - `input`: at pixel (0, 0), of which only rows that windows cover need be there.
/// - `output`: at output (0, 0); the kernel writes all lanes of rows `firstRow ..< firstRow + rows`. Does not overlap
///   `input`.
/// - `inputIsNarrow`, `outputIsNarrow`: whether they hold bfloat16 numbers, two in the place of a float.
public struct PoolingCall {
    public var input: UnsafePointer<Float>
    public var inputRowStride: Int
    public var inputBlockStride: Int
    public var inputHeight: Int
    public var inputWidth: Int
    public var output: UnsafeMutablePointer<Float>
    public var outputRowStride: Int
    public var outputBlockStride: Int
    public var outputWidth: Int
    public var firstRow: Int
    public var rows: Int
    public var blocks: Int
    public var kernelHeight: Int
    public var kernelWidth: Int
    public var strideHeight: Int
    public var strideWidth: Int
    public var paddingHeight: Int
    public var paddingWidth: Int
    public var inputIsNarrow: Bool
    public var outputIsNarrow: Bool

    public init(
        input: UnsafePointer<Float>, inputRowStride: Int, inputBlockStride: Int, inputHeight: Int,
        inputWidth: Int, output: UnsafeMutablePointer<Float>, outputRowStride: Int, outputBlockStride: Int,
        outputWidth: Int, firstRow: Int, rows: Int, blocks: Int, kernelHeight: Int, kernelWidth: Int,
        strideHeight: Int, strideWidth: Int, paddingHeight: Int, paddingWidth: Int,
        inputIsNarrow: Bool, outputIsNarrow: Bool
    ) {
        self.input = input
        self.inputRowStride = inputRowStride
        self.inputBlockStride = inputBlockStride
        self.inputHeight = inputHeight
        self.inputWidth = inputWidth
        self.output = output
        self.outputRowStride = outputRowStride
        self.outputBlockStride = outputBlockStride
        self.outputWidth = outputWidth
        self.firstRow = firstRow
        self.rows = rows
        self.blocks = blocks
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.strideHeight = strideHeight
        self.strideWidth = strideWidth
        self.paddingHeight = paddingHeight
        self.paddingWidth = paddingWidth
        self.inputIsNarrow = inputIsNarrow
        self.outputIsNarrow = outputIsNarrow
    }
}

extension PoolingCall {
    /// The part of a window that lies in the map, along one side.
    @inlinable @inline(__always)
    static func covered(_ index: Int, stride: Int, padding: Int, kernel: Int, size: Int) -> Range<Int> {
        let start = index &* stride &- padding
        let first = max(start, 0)
        return Range(uncheckedBounds: (first, max(first, min(start &+ kernel, size))))
    }
}
