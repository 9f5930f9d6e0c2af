import Diagnostics

/// `y = max(x, 0)`; a NaN stays a NaN.
public struct ReLU: Operation {
    public var identifier: String { "relu" }
    public var version: Int { 1 }

    public init() {}

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 1 else {
            throw EngineError(.badData, node, "\(inputs.count) inputs", expected: "1")
        }
        return inputs[0]
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        Cost(flops: inputs.reduce(0) { $0 + $1.elementCount })
    }
    public var accuracy: AccuracyClass { .exact }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        inputs[0].map { $0 < 0 ? 0 : $0 }
    }
}
