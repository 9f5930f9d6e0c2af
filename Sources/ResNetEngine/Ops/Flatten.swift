import Diagnostics

/// `c h w` features as one vector in that order.
public struct Flatten: Operation {
    public var identifier: String { "flatten" }
    public var version: Int { 1 }

    public init() {}

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 1 else {
            throw EngineError(.badData, node, "\(inputs.count) inputs", expected: "1")
        }
        return FeatureShape(channels: inputs[0].elementCount)
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost { Cost(flops: 0) }
    public var accuracy: AccuracyClass { .exact }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        var y = ReferenceTensor(
            batch: inputs[0].batch, shape: FeatureShape(channels: inputs[0].shape.elementCount))
        y.values = inputs[0].values
        return y
    }
}

extension Flatten: PlannableOperation {
    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        KernelChoice(name: Self.kernelName(context.inputs[0].layout))
    }

    static var kernelNames: [String] { [Layout.blocked, .planar].map(kernelName) }

    private static func kernelName(_ layout: Layout) -> String { "flatten.f32.\(layout.rawValue)" }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        FlattenStep(input: context.inputs[0], output: context.output)
    }
}
