import Diagnostics

/// The block of ResNet-50 and deeper (He et al. 2015), in the arrangement with the stride in its 3×3 convolution, and of
/// ResNeXt (Xie et al. 2017) and wide ResNets (Zagoruyko and Komodakis 2016), which cut that convolution into groups or
/// widen it:
///
///     out = relu(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))) + shortcut(x))
///
/// The shortcut is a 1×1 convolution and a batch normalisation where channels or stride change, else `x` itself.
public struct Bottleneck: BlockVariant {
    public var name: String { "bottleneck" }
    public var className: String { "Bottleneck" }
    public var expansion: Int { ResidualFunction.expansion(bottleneck: true) }

    public init() {}

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let function = try ResidualFunction(&builder, shape, bottleneck: true)
        let shortcut = try builder.projection(of: input, shape, outputChannels: shape.channels * expansion)
        let sum = try builder.add(function.apply(&builder, to: input), shortcut)
        return try builder.apply(function.relu, to: sum)
    }
}
