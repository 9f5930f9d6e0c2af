import Kernels

/// How a convolution's loops are cut so that what they read again is still in the worker's own cache. No result
/// depends on it.
///
/// Panels of weights pass over the map one after the other. If the map's input does not stay in the cache meanwhile,
/// then one of three things is read again from beyond it, and the cut is the one with the least of it: the input, for
/// each panel; the weights, for each band of rows; or the output, for each part of the reduction.
struct CacheBlocking {
    /// Output rows that all panels of weights pass over before the next rows begin.
    private(set) var bandHeight: Int
    /// Parts of the reduction.
    private var passes: Int
    /// Whether all panels take one part of the reduction before the next begins.
    private(set) var passesOutermost = false
    /// Whether the weights do not stay in the cache from one image, or band, to the next.
    let streamsWeights: Bool

    init(
        _ geometry: Convolution2D.Geometry, _ input: TensorPlacement, _ output: TensorPlacement,
        panelLanes: Int, caches: WorkerCaches
    ) {
        let channels = output.planes * channelBlock
        let terms = ReductionOrder(geometry, input).terms(in: input)
        // In Double: what a product of sizes comes to may be more than an integer holds.
        let weightBytes = 4 * Double(terms) * Double(channels)
        // Only what the kernel touches of the input: strides may leave rows out, and pixels, but lines come in pairs.
        let height = output.shape.height
        let inputBytes =
            Double(input.pixelBytes) * Double(output.shape.width) * Double(height)
            * Double(min(geometry.strideWidth, max(geometry.kernelWidth, 2)))
            * Double(min(geometry.strideHeight, geometry.kernelHeight))
        streamsWeights = weightBytes > Double(caches.last / 2)
        bandHeight = height
        // The weights of a pass stay in the first-level cache while tile after tile reads them. Sums that rest in an output of
        // bfloat16 between passes would be rounded.
        passes =
            output.isNarrow
            ? 1 : Self.parts(4 * Double(terms) * Double(panelLanes), of: caches.first / 4 * 3)

        let parts = Self.parts(inputBytes, of: caches.last / 2)
        guard parts > 1 else { return }
        let inputAgain = inputBytes * Double(channels / panelLanes - 1)
        let weightsAgain = streamsWeights ? weightBytes * Double(parts - 1) : 0
        let outputAgain = 2 * 4 * Double(output.elementCount) * Double(parts - 1)
        if min(weightsAgain, outputAgain) >= inputAgain { return }
        if weightsAgain <= outputAgain || input.layout.isPlanar || output.isNarrow {
            bandHeight = max(1, height / parts)
        } else {
            passes = max(passes, parts)
            passesOutermost = true
        }
    }

    /// Runs of one pass of a reduction of `runs` runs.
    func runsPerPass(of runs: Int) -> Int { Self.parts(Double(runs), of: max(passes, 1)) }

    private static func parts(_ whole: Double, of size: Int) -> Int {
        Int(min((whole / Double(max(size, 1))).rounded(.up), 1e12))
    }
}
