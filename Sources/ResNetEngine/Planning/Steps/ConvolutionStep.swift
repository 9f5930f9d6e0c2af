import Diagnostics
import Kernels
import Tensors

/// A convolution with its weights packed for one kernel.
struct ConvolutionStep: Step {

    private let kernel: ConvolutionKernel
    private let weights: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>
    private let taps: AlignedBuffer<Int32>
    /// What each run asks for while it works.
    private let ahead: AlignedBuffer<Int32>
    private let prefetchesWeights: Bool
    private let runLength: Int
    private let input: TensorPlacement
    /// Floats from an input's pixel (0, 0) back to the first tap of output (0, 0).
    private let firstTap: Int
    private let strides: (row: Int, pixel: Int)
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let statistics: TensorPlacement?
    private let rectifies: Bool
    /// Output rows whose inputs stay in the worker's own cache while all panels of weights pass by.
    private let bandHeight: Int
    /// Whether the rows of all maps follow each other without a gap, so that they can be taken as one.
    private let isFlat: Bool
    /// Runs of a pass, so that its weights and those of the next one stay in the worker's own cache.
    private let runsPerPass: Int
    private let passesOutermost: Bool

    init(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) {
        let geometry = operation.geometry
        input = context.inputs[0]
        output = context.output
        statistics = context.statistics
        residual = operation.addsResidual ? context.inputs[1] : nil
        rectifies = operation.rectifies
        let problem = geometry.problem(output: output.shape, inputLayout: input.layout)
        kernel = try KernelSelection.choose(for: problem, in: context.table, node: context.node).kernel
        firstTap = geometry.paddingHeight * input.rowStride + geometry.paddingWidth * input.pixelStride
        strides = (geometry.strideHeight * input.rowStride, geometry.strideWidth * input.pixelStride)
        let width = output.shape.width
        isFlat =
            statistics == nil && strides.row == width * strides.pixel
            && output.rowStride == width * output.pixelStride
            && residual?.rowStride ?? output.rowStride == output.rowStride
        let blocking = CacheBlocking(
            geometry, input, output, panelLanes: kernel.panelLanes, caches: context.caches)
        bandHeight = blocking.bandHeight
        prefetchesWeights = blocking.streamsWeights
        passesOutermost = blocking.passesOutermost

        // The reduction, as offsets of runs of consecutive floats.
        let order = ReductionOrder(geometry, input)
        let offsets = order.offsets(in: input)
        runLength = order.runLength
        runsPerPass = blocking.runsPerPass(of: offsets.count)
        taps = try Self.table(offsets, input, context)
        ahead = try Self.table(
            order.offsetsAhead(
                offsets, runsPerPass: runsPerPass, advance: kernel.tilePixels * strides.pixel), input,
            context)

        let channels = geometry.outputChannels
        weights = try AlignedBuffer(
            count: ConvolutionWeights.elementCount(
                reduction: offsets.count * runLength, outputChannels: channels),
            subject: context.node)
        bias = try AlignedBuffer(count: blocks(ofChannels: channels) * channelBlock, subject: context.node)
        operation.bias.withElements {
            bias.pointer.update(from: $0.baseAddress ?? UnsafePointer(bias.pointer), count: channels)
        }
        operation.weight.withElements { source in
            ConvolutionWeights.pack(
                into: weights.pointer, outputChannels: channels, panelLanes: kernel.panelLanes,
                runCount: offsets.count, runLength: runLength
            ) { k, run, l in order.weightIndex(k: k, run: run, l: l).map { source[$0] } ?? 0 }
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

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            if part.isFirst, output.clearsHalo { output.clearHalo(at: context.image(image, of: output)) }
            var first = rows.lowerBound
            while first < rows.upperBound {
                let end = min(first + bandHeight, rows.upperBound)
                run(context, image, rows: first..<end)
                first = end
            }
        }
    }

    private func run(_ context: StepContext, _ image: Int, rows: Range<Int>) {
        let width = output.shape.width
        var call = ConvolutionCall(
            input: context.origin(image, of: input) + (rows.lowerBound * strides.row - firstTap),
            weights: weights.pointer, bias: bias.pointer,
            residual: residual.map {
                UnsafePointer(context.origin(image, of: $0) + rows.lowerBound * $0.rowStride)
            },
            output: context.origin(image, of: output) + rows.lowerBound * output.rowStride,
            statistics: statistics.map {
                context.image(image, of: $0) + rows.lowerBound * 3 * output.planes * channelBlock
            },
            runs: taps.pointer, ahead: ahead.pointer, runCount: taps.count, runLength: runLength,
            runsPerPass: runsPerPass, passesOutermost: passesOutermost, prefetchesWeights: prefetchesWeights,
            blocks: output.planes, height: isFlat ? 1 : rows.count,
            width: isFlat ? rows.count * width : width,
            inputRowStride: strides.row, inputPixelStride: strides.pixel,
            outputRowStride: output.rowStride, outputBlockStride: output.planeStride,
            residualRowStride: residual?.rowStride ?? 0, residualBlockStride: residual?.planeStride ?? 0,
            rectifies: rectifies)
        kernel.run(&call)
    }
}
