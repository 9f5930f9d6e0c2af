import ResNetEngine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A map scaled by channel:
///
///     y[c, h, w] = x[c, h, w] / (1 + exp(−gate[c]))
///
/// Inputs: the map, then one value a channel.
public struct SigmoidGate: PlannableOperation {
    public var identifier: String { "sigmoid-gate" }
    public var version: Int { 1 }

    public init() {}

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 2, inputs[1] == FeatureShape(channels: inputs[0].channels) else {
            throw EngineError(.badData, node, "inputs \(inputs)", expected: "a map and a value a channel")
        }
        return inputs[0]
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost { Cost(flops: inputs.first?.elementCount ?? 0) }
    public var accuracy: AccuracyClass { .rounding }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        var y = inputs[0]
        for n in 0..<y.batch {
            for c in 0..<y.shape.channels {
                let scale = 1 / (1 + exp(-inputs[1][n, c, 0, 0]))
                for h in 0..<y.shape.height {
                    for w in 0..<y.shape.width { y[n, c, h, w] *= scale }
                }
            }
        }
        return y
    }

    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        InputRequirement(overwritable: index == 0)
    }

    public var kernels: [String] { ["sigmoidgate.f32.1x16.simd"] }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        KernelChoice(name: kernels[0])
    }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        SigmoidGateStep(input: context.inputs[0], gate: context.inputs[1], output: context.output)
    }
}

struct SigmoidGateStep: Step {
    let input: TensorPlacement
    let gate: TensorPlacement
    let output: TensorPlacement

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            for plane in 0..<output.planes {
                let gates = context.origin(image, of: gate) + plane * gate.planeStride
                // Above the last channel maps hold zeros, and so zeros come out.
                var scale = SIMD16<Float>(repeating: 0)
                for lane in 0..<SIMD16<Float>.scalarCount { scale[lane] = 1 / (1 + expf(-gates[lane])) }
                let source = UnsafeRawPointer(context.origin(image, of: input) + plane * input.planeStride)
                let target = UnsafeMutableRawPointer(
                    context.origin(image, of: output) + plane * output.planeStride)
                for row in rows {
                    for column in 0..<output.shape.width {
                        let from = 4 * (row * input.rowStride + column * input.pixelStride)
                        let to = 4 * (row * output.rowStride + column * output.pixelStride)
                        let value = source.loadUnaligned(fromByteOffset: from, as: SIMD16<Float>.self)
                        target.storeBytes(of: value * scale, toByteOffset: to, as: SIMD16<Float>.self)
                    }
                }
            }
        }
    }
}

/// The gate as a layer of a network.
struct SigmoidGateModule: LayerModule {
    var parameters: [ParameterSpecification] { [] }
    var summary: String { "Sigmoid()" }
    func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        SigmoidGate()
    }
}
