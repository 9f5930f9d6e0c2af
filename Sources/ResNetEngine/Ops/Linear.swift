import Diagnostics
import Kernels
import Tensors

/// A fully connected layer on the features in `c h w` order: `y = weight · x + bias`, with an optional residual added
/// and an optional ReLU after it.
///
/// Inputs: the features, then the residual of shape `(o, 1, 1)` if there is one.
public struct Linear: Operation {
    public var identifier: String { "linear" }
    public var version: Int { 1 }

    /// `o i`.
    public let weight: Tensor
    /// `o`.
    public let bias: Tensor
    public var addsResidual = false
    public var rectifies = false

    /// - Throws: `badData` naming `node` unless weight is `o i` and bias `o`, with `o` and `i` at least 1.
    public init(weight: Tensor, bias: Tensor, node: String) throws(EngineError) {
        guard weight.shape.rank == 2, weight.elementCount > 0, bias.shape.dimensions == [weight.shape[0]]
        else {
            throw EngineError(
                .badData, node, "weight \(weight.shape) and bias \(bias.shape)", expected: "(o, i) and (o)")
        }
        self.weight = weight
        self.bias = bias
    }

    public var inputs: Int { weight.shape[1] }
    public var outputs: Int { weight.shape[0] }

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == (addsResidual ? 2 : 1), inputs[0].elementCount == self.inputs else {
            throw EngineError(
                .badData, node, "inputs \(inputs)",
                expected: "one of \(self.inputs) features" + (addsResidual ? " and a residual" : ""))
        }
        let output = FeatureShape(channels: outputs)
        if addsResidual, inputs[1] != output {
            throw EngineError(.badData, node, "residual of shape \(inputs[1])", expected: "\(output)")
        }
        return output
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        Cost(flops: 2 * weight.elementCount, parameterBytes: 4 * (weight.elementCount + outputs))
    }

    public var accuracy: AccuracyClass { .sum(terms: inputs) }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        let x = inputs[0]
        var y = ReferenceTensor(batch: x.batch, shape: FeatureShape(channels: outputs))
        weight.withElements { weights in
            bias.withElements { biases in
                for n in 0..<x.batch {
                    for o in 0..<outputs {
                        var sum = Double(biases[o])
                        for i in 0..<self.inputs {
                            sum += x.values[n * self.inputs + i] * Double(weights[o * self.inputs + i])
                        }
                        if addsResidual { sum += inputs[1].values[n * outputs + o] }
                        y.values[n * outputs + o] = rectifies && sum < 0 ? 0 : sum
                    }
                }
            }
        }
        return y
    }
}

extension Linear: PlannableOperation {
    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        var requirement = InputRequirement()
        requirement.acceptsBFloat16 = index == 0
        return requirement
    }

    /// Those that share a reading of the weights wait for each other: few where their features would not stay in the cache
    /// meanwhile.
    public func imagesAtOnce(output: FeatureShape) -> Int { inputs > 16384 ? 4 : 16 }

    private func kernel(_ context: StepPlanningContext) -> LinearKernel {
        context.inputs[0].isNarrow ? context.table.narrowLinear : context.table.linear
    }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        KernelChoice(name: kernel(context).name)
    }

    static func kernelNames(_ table: KernelTable) -> [String] {
        [table.linear.name, table.narrowLinear.name]
    }

    public func packedBytes(_ context: StepPlanningContext) throws(EngineError) -> Int {
        let input = context.inputs[0]
        var size = ByteCount(subject: context.node)
        let padded = LinearWeights.elementCount(
            reduction: 1, outputs: outputs, tileOutputs: kernel(context).tileOutputs)
        try size.add(4, padded, input.planes * input.pixelStride, input.shape.height * input.shape.width)
        return size.bytes
    }

    public func problem(_ context: StepPlanningContext) -> LayerProblem? {
        var layer = LinearLayer(input: context.inputs[0].shape, outputs: outputs)
        layer.addsResidual = addsResidual
        layer.rectifies = rectifies
        layer.precision = context.inputs[0].precision
        return LayerProblem(.linear(layer))
    }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        try LinearStep(self, kernel(context), context)
    }
}
