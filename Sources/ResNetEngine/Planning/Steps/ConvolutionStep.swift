import Diagnostics
import Kernels
import Tensors

/// A convolution with its weights packed for one kernel.
struct ConvolutionStep: Step {
    let kernelName: String
    let rejected: [KernelRejection]
    let packedBytes: Int

    private let kernel: ConvolutionKernel
    private let weights: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>
    private let taps: AlignedBuffer<Int32>
    private let stepLength: Int
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
        let problem = operation.problem(output: output.shape, inputLayout: input.layout)
        (kernel, rejected) = try KernelSelection.choose(for: problem, in: context.table, node: context.node)
        kernelName = kernel.name
        firstTap = geometry.paddingHeight * input.rowStride + geometry.paddingWidth * input.pixelStride
        strides = (geometry.strideHeight * input.rowStride, geometry.strideWidth * input.pixelStride)

        // The reduction, as offsets of runs of consecutive floats.
        var offsets: [Int] = []
        for plane in 0..<input.planes {
            for r in 0..<geometry.kernelHeight {
                let row = plane * input.planeStride + r * geometry.dilationHeight * input.rowStride
                guard input.layout == .blocked else {
                    offsets.append(row)
                    continue
                }
                for s in 0..<geometry.kernelWidth {
                    offsets.append(row + s * geometry.dilationWidth * input.pixelStride)
                }
            }
        }
        stepLength = input.layout == .blocked ? channelBlock : geometry.kernelWidth
        taps = try AlignedBuffer(count: offsets.count, subject: context.node)
        for (index, offset) in offsets.enumerated() {
            guard let tap = Int32(exactly: offset) else {
                throw EngineError(.resource, context.node, "map of \(input.elementCount) floats", expected: "a smaller one")
            }
            taps.pointer[index] = tap
        }

        let channels = geometry.outputChannels
        weights = try AlignedBuffer(
            count: ConvolutionWeights.elementCount(
                reduction: offsets.count * stepLength, outputChannels: channels),
            subject: context.node)
        bias = try AlignedBuffer(count: blocks(ofChannels: channels) * channelBlock, subject: context.node)
        packedBytes = weights.byteCount + bias.byteCount + taps.byteCount
        operation.bias.withElements { bias.pointer.update(from: $0.baseAddress ?? UnsafePointer(bias.pointer), count: channels) }
        operation.weight.withElements { source in
            let position = TapPosition(geometry, input.layout)
            ConvolutionWeights.pack(
                into: weights.pointer, outputChannels: channels, panelLanes: kernel.panelLanes,
                stepCount: offsets.count, stepLength: stepLength
            ) { k, step, l in position.index(k: k, step: step, l: l).map { source[$0] } ?? 0 }
        }
    }

    func run(_ context: StepContext, images: Range<Int>) {
        for image in images {
            if output.clearsHalo { output.clearHalo(at: context.image(image, of: output)) }
            var call = ConvolutionCall(
                input: context.origin(image, of: input) - firstTap, weights: weights.pointer, bias: bias.pointer,
                residual: residual.map { UnsafePointer(context.origin(image, of: $0)) },
                output: context.origin(image, of: output), steps: taps.pointer, stepCount: taps.count,
                stepLength: stepLength, blocks: output.planes, height: output.shape.height,
                width: output.shape.width, inputRowStride: strides.row, inputPixelStride: strides.pixel,
                outputRowStride: output.rowStride, outputBlockStride: output.planeStride,
                residualRowStride: residual?.rowStride ?? 0, residualBlockStride: residual?.planeStride ?? 0,
                rectifies: rectifies)
            kernel.run(&call)
        }
    }
}

/// Finds the weight that belongs to a place in the reduction.
private struct TapPosition {
    let geometry: Convolution2D.Geometry
    let layout: Layout

    init(_ geometry: Convolution2D.Geometry, _ layout: Layout) {
        self.geometry = geometry
        self.layout = layout
    }

    /// The index into `k c/groups r s`, or `nil` where the place is padding or of another group.
    func index(k: Int, step: Int, l: Int) -> Int? {
        let (kernelHeight, kernelWidth) = (geometry.kernelHeight, geometry.kernelWidth)
        let (channel, r, s): (Int, Int, Int)
        switch layout {
        case .planar: (channel, r, s) = (step / kernelHeight, step % kernelHeight, l)
        case .blocked:
            let tap = step % (kernelHeight * kernelWidth)
            channel = step / (kernelHeight * kernelWidth) * channelBlock + l
            (r, s) = (tap / kernelWidth, tap % kernelWidth)
        }
        let groupInputs = geometry.inputChannels / geometry.groups
        let firstOfGroup = k / (geometry.outputChannels / geometry.groups) * groupInputs
        guard channel >= firstOfGroup, channel < firstOfGroup + groupInputs else { return nil }
        return ((k * groupInputs + channel - firstOfGroup) * kernelHeight + r) * kernelWidth + s
    }
}
