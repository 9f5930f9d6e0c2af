import Diagnostics

/// `y = a + b`, shapes equal.
public struct Add: Operation {
    public var identifier: String { "add" }
    public var version: Int { 1 }

    public init() {}

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 2, inputs[0] == inputs[1] else {
            throw EngineError(.badData, node, "inputs \(inputs)", expected: "two of one shape")
        }
        return inputs[0]
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost { Cost(flops: inputs.first?.elementCount ?? 0) }
    public var accuracy: AccuracyClass { .rounding }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        var y = inputs[0]
        for i in y.values.indices { y.values[i] += inputs[1].values[i] }
        return y
    }
}
