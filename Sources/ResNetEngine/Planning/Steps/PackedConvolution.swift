import Diagnostics
import Kernels
import Tensors

/// A convolution, its weights packed for one kernel, bundle of groups by bundle. It knows how its maps are laid out, not
/// where they lie.
struct PackedConvolution: Sendable {
    private let kernel: ConvolutionKernel
    /// How many ungrouped convolutions it is cut into. They differ in weights, bias and channels alone.
    let bundleCount: Int
    /// Floats from one bundle's maps to the next one's.
    private let bundleStrides: (input: Int, residual: Int, output: Int)
    /// Of all bundles, one after the other.
    private let weights: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>
    /// Floats of one bundle's weights.
    private let weightStride: Int
    private let taps: AlignedBuffer<Int32>
    /// What each run asks for while it works.
    private let ahead: AlignedBuffer<Int32>
    private let prefetchesWeights: Bool
    private let runLength: Int
    /// Floats from an input's pixel (0, 0) back to the first tap of output (0, 0).
    private let firstTap: Int
    private let strides: (row: Int, pixel: Int)
    /// The layout of a map with one bundle's channels.
    private let output: TensorPlacement
    private let residual: TensorPlacement?
    private let rectifies: Bool
    /// Output rows whose inputs stay in the worker's own cache while all panels of weights pass by.
    private let bandHeight: Int
    /// Whether the rows of all maps follow each other without a gap, so that they can be taken as one.
    private let isFlat: Bool
    /// Runs of a pass, so that its weights and those of the next one stay in the worker's own cache.
    private let runsPerPass: Int
    private let passesOutermost: Bool

    /// Where whole maps lie: their pixels (0, 0), and the notes about row 0.
    struct Maps {
        var input: UnsafePointer<Float>
        var residual: UnsafePointer<Float>?
        var output: UnsafeMutablePointer<Float>
        var statistics: UnsafeMutablePointer<Float>?
        var linesAhead: UnsafeMutablePointer<LinesAhead>?
    }

    /// - Parameters:
    ///   - operation: the convolution.
    ///   - kernel: one that takes a bundle of its groups.
    ///   - input: the layout of a whole map; likewise `output` and `residual`.
    ///   - notesStatistics: whether calls come with notes, of a single bundle.
    ///   - context: what else the operation's step is planned with.
    init(
        _ operation: Convolution2D, _ kernel: ConvolutionKernel, input wholeInput: TensorPlacement,
        output wholeOutput: TensorPlacement, residual wholeResidual: TensorPlacement?, notesStatistics: Bool,
        _ context: StepPlanningContext
    ) throws(EngineError) {
        let groups = GroupBundles(operation.geometry)
        let geometry = groups.geometry
        let input = GroupBundles.view(wholeInput, channels: geometry.inputChannels)
        let output = GroupBundles.view(wholeOutput, channels: geometry.outputChannels)
        let residual = wholeResidual.map { GroupBundles.view($0, channels: geometry.outputChannels) }
        bundleCount = groups.count
        // Of the whole maps: a view of one plane has another stride.
        bundleStrides = (
            input.planes * wholeInput.planeStride, output.planes * (wholeResidual?.planeStride ?? 0),
            output.planes * wholeOutput.planeStride
        )
        self.output = output
        self.residual = residual
        rectifies = operation.rectifies
        self.kernel = kernel
        let order = ReductionOrder(geometry, input)
        firstTap = order.firstTap(in: input)
        strides = (geometry.strideHeight * input.rowStride, order.pixelStep(in: input))
        let width = output.shape.width
        isFlat =
            !notesStatistics && strides.row == width * strides.pixel
            && output.rowStride == width * output.pixelStride
            && residual?.rowStride ?? output.rowStride == output.rowStride
        let blocking = CacheBlocking(
            geometry, input, output, panelLanes: kernel.panelLanes, caches: context.caches)
        bandHeight = blocking.bandHeight
        prefetchesWeights = blocking.streamsWeights
        passesOutermost = blocking.passesOutermost

        // The reduction, as offsets of runs of consecutive floats.
        let offsets = order.offsets(in: input)
        runLength = order.runLength
        runsPerPass = blocking.runsPerPass(of: offsets.count)
        taps = try Self.table(offsets, input, context)
        ahead = try Self.table(
            order.offsetsAhead(
                offsets, runsPerPass: runsPerPass, advance: kernel.tilePixels * strides.pixel), input,
            context)

        let channels = geometry.outputChannels
        weightStride = ConvolutionWeights.elementCount(
            reduction: offsets.count * runLength, outputChannels: channels)
        let (bundleCount, weightStride) = (bundleCount, weightStride)
        let biasStride = output.planes * channelBlock
        bias = try context.parameters("bias", count: bundleCount * biasStride) { bias in
            operation.bias.withElements {
                for bundle in 0..<bundleCount {
                    for k in 0..<channels { bias[bundle * biasStride + k] = $0[bundle * channels + k] }
                }
            }
        }
        weights = try context.parameters("weights \(kernel.name)", count: bundleCount * weightStride) {
            weights throws(EngineError) in
            for bundle in 0..<bundleCount {
                try operation.withFilters(from: bundle * channels, count: channels) { filters in
                    Self.pack(
                        filters, order.positions(runCount: offsets.count), kernel, context.team,
                        into: weights + bundle * weightStride)
                }
            }
        }
    }

    /// Packs the filters of one bundle.
    private static func pack(
        _ filters: FilterBank, _ positions: [Int], _ kernel: ConvolutionKernel, _ team: PreparationTeam,
        into weights: UnsafeMutablePointer<Float>
    ) {
        let channels = filters.count
        let panels = ConvolutionWeights.panelCount(outputChannels: channels, panelLanes: kernel.panelLanes)
        let pack = kernel.takesPairs ? ConvolutionWeights.packPairs : ConvolutionWeights.pack
        positions.withUnsafeBufferPointer { positions in
            team.forEach(panels) { pack(filters, positions, kernel.panelLanes, $0, weights) }
        }
    }

    static func table(
        _ offsets: [Int], _ input: TensorPlacement, _ context: StepPlanningContext
    ) throws(EngineError) -> AlignedBuffer<Int32> {
        let table = try AlignedBuffer<Int32>(count: offsets.count, subject: context.node)
        for (index, offset) in offsets.enumerated() {
            guard let entry = Int32(exactly: offset) else {
                throw EngineError(
                    .resource, context.node, "map of \(input.elementCount) floats", expected: "a smaller one")
            }
            table.pointer[index] = entry
        }
        return table
    }

    /// Lines that it can ask for on behalf of others while it computes an image; none where it reads planes, not channel blocks, or pairs.
    var linesAhead: Int {
        guard runLength % channelBlock == 0, !kernel.takesPairs else { return 0 }
        let tiles = (output.shape.height * output.shape.width + kernel.tilePixels - 1) / kernel.tilePixels
        return tiles * taps.count * panelCount * LinesAhead.linesAtOnce
    }

    /// Floats of all weights.
    var weightCount: Int { weights.count }

    /// Panels of weights, by which parts of a convolution may be cut: those of a single bundle.
    var panelCount: Int {
        bundleCount > 1
            ? 1
            : ConvolutionWeights.panelCount(
                outputChannels: output.planes * channelBlock, panelLanes: panelLanes)
    }

    /// The weights of some panels, of a single bundle.
    func weights(ofPanels panels: Range<Int>) -> UnsafeBufferPointer<Float> {
        let stride = taps.count * runLength * panelLanes
        let end = min(panels.upperBound * stride, weights.count)
        return UnsafeBufferPointer(rebasing: weights.elements[min(panels.lowerBound * stride, end)..<end])
    }

    /// Lanes of a panel, in whole channel blocks.
    private var panelLanes: Int { max(kernel.panelLanes, channelBlock) }

    /// Computes the output channels of some panels.
    func run(_ maps: Maps, panels: Range<Int>) {
        let first = panels.lowerBound * panelLanes / channelBlock
        let end = min(panels.upperBound * panelLanes / channelBlock, output.planes)
        guard first < end else { return }
        let planes = first..<end
        let maps = Maps(
            input: maps.input, residual: maps.residual.map { $0 + first * (residual?.planeStride ?? 0) },
            output: maps.output + first * output.planeStride, statistics: nil,
            linesAhead: maps.linesAhead)
        forEachBand(0..<output.shape.height) { runBand(maps, bundle: 0, rows: $0, planes: planes) }
    }

    /// Computes output rows `rows`.
    func run(_ maps: Maps, rows: Range<Int>) {
        for bundle in 0..<bundleCount {
            let maps = Maps(
                input: maps.input + bundle * bundleStrides.input,
                residual: maps.residual.map { $0 + bundle * bundleStrides.residual },
                output: maps.output + bundle * bundleStrides.output, statistics: maps.statistics,
                linesAhead: maps.linesAhead)
            forEachBand(rows) { runBand(maps, bundle: bundle, rows: $0, planes: 0..<output.planes) }
        }
    }

    @inline(__always)
    private func forEachBand(_ rows: Range<Int>, _ body: (Range<Int>) -> Void) {
        var first = rows.lowerBound
        while first < rows.upperBound {
            let end = min(first + bandHeight, rows.upperBound)
            body(first..<end)
            first = end
        }
    }

    /// - Parameters:
    ///   - maps: the output, and what goes with it, from the first of `planes` on.
    ///   - planes: of the bundle's output, from a panel's start on.
    private func runBand(_ maps: Maps, bundle: Int, rows: Range<Int>, planes: Range<Int>) {
        let width = output.shape.width
        let first = rows.lowerBound
        let channel = planes.lowerBound * channelBlock
        let own = UnsafePointer(weights.pointer + bundle * weightStride + channel * taps.count * runLength)
        var call = ConvolutionCall(
            input: maps.input + (first * strides.row - firstTap), weights: own,
            bias: bias.pointer + (bundle * output.planes * channelBlock + channel),
            residual: maps.residual.map { $0 + first * (residual?.rowStride ?? 0) },
            output: maps.output + first * output.rowStride,
            statistics: maps.statistics.map { $0 + first * 3 * output.planes * channelBlock },
            runs: taps.pointer, ahead: ahead.pointer, runCount: taps.count, runLength: runLength,
            runsPerPass: runsPerPass, passesOutermost: passesOutermost, prefetchesWeights: prefetchesWeights,
            followingWeights: own, linesAhead: maps.linesAhead, blocks: planes.count,
            height: isFlat ? 1 : rows.count,
            width: isFlat ? rows.count * width : width,
            inputRowStride: strides.row, inputPixelStride: strides.pixel,
            outputRowStride: output.rowStride, outputBlockStride: output.planeStride,
            residualRowStride: residual?.rowStride ?? 0, residualBlockStride: residual?.planeStride ?? 0,
            rectifies: rectifies, resultIsNarrow: output.isNarrow)
        kernel.run(&call)
    }
}
