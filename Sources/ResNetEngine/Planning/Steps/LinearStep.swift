import Diagnostics
import Kernels
import Tensors

/// A linear layer that reads a blocked map row by row, its weights packed in that order.
struct LinearStep: Step {

    private let kernel: LinearKernel
    private let weights: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>
    private let runs: AlignedBuffer<Int32>
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let rectifies: Bool
    /// Whether the worker's own cache does not hold the weights.
    private let streamsWeights: Bool

    init(
        _ operation: Linear, _ kernel: LinearKernel, _ context: StepPlanningContext
    ) throws(EngineError) {
        self.kernel = kernel
        input = context.inputs[0]
        output = context.output
        residual = operation.addsResidual ? context.inputs[1] : nil
        guard residual?.halo ?? 0 == 0 else {
            throw EngineError(.internalError, context.node, "a residual vector with a halo")
        }
        rectifies = operation.rectifies
        let shape = input.shape
        let (rows, outputs) = (input.planes * shape.height, operation.outputs)
        runs = try AlignedBuffer(count: rows, subject: context.node)
        for row in 0..<rows {
            let offset = row / shape.height * input.planeStride + row % shape.height * input.rowStride
            guard let run = Int32(exactly: offset) else {
                throw EngineError(
                    .resource, context.node, "map of \(input.elementCount) floats", expected: "a smaller one")
            }
            runs.pointer[row] = run
        }
        let runLength = shape.width * channelBlock
        bias = try context.parameters("bias", count: outputs) { bias in
            operation.bias.withElements {
                bias.update(from: $0.baseAddress ?? UnsafePointer(bias), count: outputs)
            }
        }
        weights = try context.parameters(
            "weights \(kernel.name)",
            count: LinearWeights.elementCount(
                reduction: rows * shape.width * input.pixelStride, outputs: outputs,
                tileOutputs: kernel.tileOutputs)
        ) { Self.pack(operation, kernel, context, runLength: runLength, into: $0) }
        streamsWeights = weights.byteCount > context.caches.last
    }

    private static func pack(
        _ operation: Linear, _ kernel: LinearKernel, _ context: StepPlanningContext, runLength: Int,
        into weights: UnsafeMutablePointer<Float>
    ) {
        let shape = context.inputs[0].shape
        let (rows, outputs) = (context.inputs[0].planes * shape.height, operation.outputs)
        // Which feature each place of the blocked map holds.
        let area = shape.height * shape.width
        let positions = (0..<rows * runLength).map { index in
            let (run, i) = index.quotientAndRemainder(dividingBy: runLength)
            let channel = run / shape.height * channelBlock + i % channelBlock
            let pixel = run % shape.height * shape.width + i / channelBlock
            return channel < shape.channels ? channel * area + pixel : -1
        }
        let groups = LinearWeights.groupCount(outputs: outputs, tileOutputs: kernel.tileOutputs)
        let pack = kernel.isNarrow ? LinearWeights.packNarrow : LinearWeights.pack
        operation.weight.withElements { source in
            positions.withUnsafeBufferPointer { positions in
                guard let source = source.baseAddress else { return }
                context.team.forEach(groups) { group in
                    pack(
                        source, operation.inputs, outputs, positions, kernel.tileOutputs, kernel.lanes, group,
                        weights)
                }
            }
        }
    }

    /// Groups of outputs that a part computes.
    private func groups(of part: StepPart) -> Range<Int> {
        let groups = LinearWeights.groupCount(outputs: bias.count, tileOutputs: kernel.tileOutputs)
        // Outputs are cut where their features stand as they are computed.
        return output.halo == 0 ? part.rows(of: groups) : 0..<(part.isFirst ? groups : 0)
    }

    /// Floats of one group's weights.
    private var groupStride: Int {
        kernel.tileOutputs * runs.count * input.shape.width * input.pixelStride
    }

    func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> {
        guard streamsWeights else { return UnsafeBufferPointer(start: nil, count: 0) }
        let own = groups(of: part)
        return UnsafeBufferPointer(
            start: weights.pointer + own.lowerBound * groupStride, count: own.count * groupStride)
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let own = groups(of: part)
        let first = own.lowerBound * kernel.tileOutputs
        let end = min(own.upperBound * kernel.tileOutputs, bias.count)
        guard first < end else { return }
        let target = context.image(images.lowerBound, of: output)
        var call = LinearCall(
            input: context.origin(images.lowerBound, of: input), inputRowStride: input.elementCount,
            weights: weights.pointer + own.lowerBound * groupStride,
            bias: bias.pointer + first,
            residual: residual.map { UnsafePointer(context.image(images.lowerBound, of: $0) + first) },
            residualRowStride: residual?.elementCount ?? 0, output: target + first,
            outputRowStride: output.elementCount, runs: runs.pointer, runCount: runs.count,
            runLength: input.shape.width * channelBlock, rows: images.count, outputs: end - first,
            rectifies: rectifies)
        kernel.run(&call)
        guard end == bias.count else { return }
        for row in 0..<images.count { place(target + row * output.elementCount) }
    }

    /// Moves features from the start of an image's memory, where they lie side by side, to their channel blocks, and
    /// zeroes the lanes above the last one and the halo.
    private func place(_ image: UnsafeMutablePointer<Float>) {
        let padded = output.planes * channelBlock
        (image + bias.count).update(repeating: 0, count: padded - bias.count)
        guard output.halo > 0 else { return }
        // From the last block down: a block's place lies above all features not moved yet.
        for plane in (0..<output.planes).reversed() {
            (image + (output.origin + plane * output.planeStride))
                .update(from: image + plane * channelBlock, count: channelBlock)
        }
        output.clearHalo(at: image)
    }
}
