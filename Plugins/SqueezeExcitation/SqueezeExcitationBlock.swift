import ResNetEngine

/// The block of SE-ResNet (Hu et al., "Squeeze-and-Excitation Networks", 2017): a basic block or a bottleneck whose last
/// map is scaled by channel before the shortcut is added. The scales are made of the channels' means:
///
///     s = sigmoid(fc2(relu(fc1(mean(y)))))
///
/// with a sixteenth of the channels between the two layers.
public struct SqueezeExcitationBlock: BlockVariant {
    private let isBottleneck: Bool

    public init(bottleneck: Bool = false) { isBottleneck = bottleneck }

    public var name: String { isBottleneck ? "squeeze-excitation-bottleneck" : "squeeze-excitation" }
    public var className: String { isBottleneck ? "SEBottleneck" : "SEBasicBlock" }
    public var expansion: Int { ResidualFunction.expansion(bottleneck: isBottleneck) }

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let channels = shape.channels * expansion
        let function = try ResidualFunction(&builder, shape, bottleneck: isBottleneck)
        let y = try excite(&builder, function.apply(&builder, to: input), channels: channels)
        let shortcut = try builder.projection(of: input, shape, outputChannels: channels)
        return try builder.apply(function.relu, to: builder.add(y, shortcut))
    }

    /// As torchvision's `SqueezeExcitation`.
    private func excite(
        _ builder: inout NetworkBuilder, _ input: Edge, channels: Int
    ) throws(EngineError) -> Edge {
        let squeezed = max(channels / 16, 1)
        return try builder.scope("se", "SqueezeExcitation") { builder throws(EngineError) in
            let pool = builder.declare("avgpool", AdaptiveAvgPool2d())
            let fc1 = builder.declare("fc1", Conv2d(channels, squeezed, kernel: 1))
            let fc2 = builder.declare("fc2", Conv2d(squeezed, channels, kernel: 1))
            let relu = builder.declare("activation", ReLUModule())
            let gate = builder.declare("scale_activation", SigmoidGateModule())
            var scales = try builder.apply(fc1, to: builder.apply(pool, to: input))
            scales = try builder.apply(fc2, to: builder.apply(relu, to: scales))
            return try builder.apply(gate, to: [input, scales])
        }
    }
}

extension Plugin {
    public static let squeezeExcitation = Plugin(
        "SqueezeExcitation",
        operations: [OperationKind("sigmoid-gate", isActivation: false) { _ in SigmoidGate() }],
        blocks: [SqueezeExcitationBlock(), SqueezeExcitationBlock(bottleneck: true)])
}
