import Diagnostics
import Kernels
import Tensors

/// A convolution with its weights packed for one kernel.
struct ConvolutionStep: Step {

    private let kernel: ConvolutionKernel
    private let weights: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>
    private let taps: AlignedBuffer<Int32>
    private let runLength: Int
    private let input: TensorPlacement
    /// Floats from an input's pixel (0, 0) back to the first tap of output (0, 0).
    private let firstTap: Int
    private let strides: (row: Int, pixel: Int)
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let rectifies: Bool

    init(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) {
        let geometry = operation.geometry
        input = context.inputs[0]
        output = context.output
        residual = operation.addsResidual ? context.inputs[1] : nil
        rectifies = operation.rectifies
        let problem = geometry.problem(output: output.shape, inputLayout: input.layout)
        kernel = try KernelSelection.choose(for: problem, in: context.table, node: context.node).kernel
        firstTap = geometry.paddingHeight * input.rowStride + geometry.paddingWidth * input.pixelStride
        strides = (geometry.strideHeight * input.rowStride, geometry.strideWidth * input.pixelStride)

        // The reduction, as offsets of runs of consecutive floats.
        let order = ReductionOrder(geometry, input.layout)
        let offsets = order.offsets(in: input)
        runLength = order.runLength
        taps = try AlignedBuffer(count: offsets.count, subject: context.node)
        for (index, offset) in offsets.enumerated() {
            guard let tap = Int32(exactly: offset) else {
                throw EngineError(
                    .resource, context.node, "map of \(input.elementCount) floats", expected: "a smaller one")
            }
            taps.pointer[index] = tap
        }

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

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            if part.isFirst, output.clearsHalo { output.clearHalo(at: context.image(image, of: output)) }
            var call = ConvolutionCall(
                input: context.origin(image, of: input) + (rows.lowerBound * strides.row - firstTap),
                weights: weights.pointer, bias: bias.pointer,
                residual: residual.map {
                    UnsafePointer(context.origin(image, of: $0) + rows.lowerBound * $0.rowStride)
                },
                output: context.origin(image, of: output) + rows.lowerBound * output.rowStride,
                runs: taps.pointer, runCount: taps.count, runLength: runLength, blocks: output.planes,
                height: rows.count, width: output.shape.width, inputRowStride: strides.row,
                inputPixelStride: strides.pixel,
                outputRowStride: output.rowStride, outputBlockStride: output.planeStride,
                residualRowStride: residual?.rowStride ?? 0, residualBlockStride: residual?.planeStride ?? 0,
                rectifies: rectifies)
            kernel.run(&call)
        }
    }
}

/// The order in which a convolution sums its products: by channel block, kernel row, kernel column and channel
/// in the blocked layout; by channel, kernel row and kernel column in the planar one.
private struct ReductionOrder {
    let geometry: Convolution2D.Geometry
    let layout: Layout
    /// Consecutive floats of one run: the channels of a block, or taps that lie side by side.
    let runLength: Int
    /// Runs of one kernel row.
    private let runsPerRow: Int

    init(_ geometry: Convolution2D.Geometry, _ layout: Layout) {
        self.geometry = geometry
        self.layout = layout
        let tapsTouch = layout == .planar && geometry.dilationWidth == 1
        runLength = layout == .blocked ? channelBlock : tapsTouch ? geometry.kernelWidth : 1
        runsPerRow = tapsTouch ? 1 : geometry.kernelWidth
    }

    /// Where each run starts, in floats from the first tap.
    func offsets(in input: TensorPlacement) -> [Int] {
        var offsets: [Int] = []
        for plane in 0..<input.planes {
            for r in 0..<geometry.kernelHeight {
                let row = plane * input.planeStride + r * geometry.dilationHeight * input.rowStride
                for s in 0..<runsPerRow {
                    offsets.append(row + s * geometry.dilationWidth * input.pixelStride)
                }
            }
        }
        return offsets
    }

    /// The index into `k c/groups r s`, or `nil` where the place is padding or of another group.
    func weightIndex(k: Int, run: Int, l: Int) -> Int? {
        let (kernelHeight, kernelWidth) = (geometry.kernelHeight, geometry.kernelWidth)
        let row = run / runsPerRow
        let (plane, r) = (row / kernelHeight, row % kernelHeight)
        let isBlocked = layout == .blocked
        let channel = isBlocked ? plane * channelBlock + l : plane
        let s = runsPerRow == 1 && !isBlocked ? l : run % runsPerRow
        let groupInputs = geometry.inputChannels / geometry.groups
        let firstOfGroup = k / (geometry.outputChannels / geometry.groups) * groupInputs
        guard channel >= firstOfGroup, channel < firstOfGroup + groupInputs else { return nil }
        return ((k * groupInputs + channel - firstOfGroup) * kernelHeight + r) * kernelWidth + s
    }
}
