import Diagnostics

/// The block of ResNet-18 and ResNet-34 (He et al., "Deep Residual Learning for Image Recognition", 2015):
///
///     out = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))
///
/// with 3×3 convolutions. The shortcut is a 1×1 convolution and a batch normalisation where channels or stride change,
/// else `x` itself. Takes no groups.
public struct BasicBlock: BlockVariant {
    public var name: String { "basic" }
    public var className: String { "BasicBlock" }

    public init() {}

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let function = try ResidualFunction(&builder, shape, bottleneck: false)
        let shortcut = try builder.projection(of: input, shape, outputChannels: shape.channels)
        let sum = try builder.add(function.apply(&builder, to: input), shortcut)
        return try builder.apply(function.relu, to: sum)
    }
}
