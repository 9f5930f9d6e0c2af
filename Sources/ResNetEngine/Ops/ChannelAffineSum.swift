import Diagnostics
import Kernels

/// What is left of batch normalisations, additions and ReLUs that no convolution absorbed, as one pass over
/// memory: the sum of one or two normalised inputs, with an optional ReLU.
///
///     y = act(Σ_t norm_t(x_t))
public struct ChannelAffineSum: Operation {
    public var identifier: String { "channel-affine-sum" }
    public var version: Int { 1 }

    /// One normalisation an input; `nil` takes the input as it is.
    public let normalizations: [BatchNormalization?]
    public var rectifies = false

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard let first = inputs.first, inputs.count == normalizations.count,
            inputs.allSatisfy({ $0 == first })
        else {
            throw EngineError(
                .badData, node, "inputs \(inputs)", expected: "\(normalizations.count) of one shape")
        }
        return first
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        let elements = inputs.first?.elementCount ?? 0
        let normalized = normalizations.compactMap { $0 }
        return Cost(
            flops: elements * (2 * normalized.count + normalizations.count - 1 + (rectifies ? 1 : 0)),
            parameterBytes: normalized.reduce(0) { $0 + 16 * $1.channels })
    }

    public var accuracy: AccuracyClass { .rounding }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        var sum = ReferenceTensor(batch: inputs[0].batch, shape: inputs[0].shape)
        for (input, normalization) in zip(inputs, normalizations) {
            sum = Add().reference([sum, normalization?.reference([input]) ?? input])
        }
        return rectifies ? ReLU().reference([sum]) : sum
    }

    /// Whether an input is normalised with statistics of the whole batch.
    func isBatchCoupled(input index: Int) -> Bool { normalizations[index]?.mode == .batch }
}

extension ChannelAffineSum: PlannableOperation {
    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        InputRequirement(overwritable: true)
    }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        KernelChoice(name: Self.kernelName(context.table))
    }

    static func kernelNames(_ table: KernelTable) -> [String] { [kernelName(table)] }

    private static func kernelName(_ table: KernelTable) -> String { "affine.f32.1x16.\(table.isa)" }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        try ChannelAffineStep(self, context)
    }
}
