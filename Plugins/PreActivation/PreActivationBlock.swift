import ResNetEngine

/// The pre-activation residual block (He et al., "Identity Mappings in Deep Residual Networks", 2016):
///
///     y = conv1(relu(bn1(x))),  out = conv2(relu(bn2(y))) + shortcut(x)
///
/// and with a bottleneck a 1×1, a 3×3 and a 1×1 convolution, four times as many channels at the end. The shortcut is a
/// 1×1 convolution where channels or stride change, else `x` itself. A network of these blocks ends with one more
/// normalisation and ReLU.
public struct PreActivationBlock: BlockVariant {
    private let isBottleneck: Bool

    public init(bottleneck: Bool = false) { isBottleneck = bottleneck }

    public var name: String { isBottleneck ? "pre-activation-bottleneck" : "pre-activation" }
    public var className: String { isBottleneck ? "PreActivationBottleneck" : "PreActivationBlock" }
    public var expansion: Int { ResidualFunction.expansion(bottleneck: isBottleneck) }

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let channels = shape.channels * expansion
        let geometries = try ResidualFunction.geometries(shape, bottleneck: isBottleneck)
        var layers: [(norm: LayerReference, conv: LayerReference)] = []
        for (index, geometry) in geometries.enumerated() {
            let norm = builder.declare("bn\(index + 1)", BatchNorm2d(geometry.inputChannels))
            let conv = builder.declare("conv\(index + 1)", Conv2d(geometry, bias: false))
            layers.append((norm, conv))
        }
        let relu = builder.declare("relu", ReLUModule())
        var shortcut = input
        if shape.inputChannels != channels || shape.stride != 1 {
            let projection = builder.declare(
                "shortcut",
                Conv2d(shape.inputChannels, channels, kernel: 1, stride: shape.stride, bias: false))
            shortcut = try builder.apply(projection, to: input)
        }

        var y = input
        for layer in layers {
            y = try builder.apply(layer.conv, to: builder.apply(relu, to: builder.apply(layer.norm, to: y)))
        }
        return try builder.add(y, shortcut)
    }

    public func tail(
        _ builder: inout NetworkBuilder, input: Edge, channels: Int
    ) throws(EngineError) -> Edge {
        let norm = builder.declare("norm", BatchNorm2d(channels))
        let relu = builder.declare("norm_relu", ReLUModule())
        return try builder.apply(relu, to: builder.apply(norm, to: input))
    }
}

extension Plugin {
    public static let preActivation = Plugin(
        "PreActivation", blocks: [PreActivationBlock(), PreActivationBlock(bottleneck: true)])
}
