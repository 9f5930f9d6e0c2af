import ResNetEngine

/// The pre-activation residual block (He et al., "Identity Mappings in Deep Residual Networks", 2016):
///
///     y = conv1(relu(bn1(x))),  out = conv2(relu(bn2(y))) + shortcut(x)
///
/// The shortcut is a 1×1 projection where channels or stride change, else `x` itself.
public struct PreActivationBlock: BlockVariant {
    public static let name = "pre-activation"
    public var className: String { "PreActivationBlock" }

    public init() {}

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, inputChannels: Int, outputChannels: Int, stride: Int
    ) throws(EngineError) -> Edge {
        let bn1 = builder.declare("bn1", BatchNorm2d(inputChannels))
        let conv1 = builder.declare(
            "conv1", Conv2d(inputChannels, outputChannels, kernel: 3, stride: stride, padding: 1))
        let bn2 = builder.declare("bn2", BatchNorm2d(outputChannels))
        let conv2 = builder.declare("conv2", Conv2d(outputChannels, outputChannels, kernel: 3, padding: 1))
        let relu = builder.declare("relu", ReLUModule())
        var shortcut = input
        if inputChannels != outputChannels || stride != 1 {
            let projection = builder.declare(
                "shortcut", Conv2d(inputChannels, outputChannels, kernel: 1, stride: stride))
            shortcut = try builder.apply(projection, to: input)
        }

        var y = try builder.apply(conv1, to: builder.apply(relu, to: builder.apply(bn1, to: input)))
        y = try builder.apply(conv2, to: builder.apply(relu, to: builder.apply(bn2, to: y)))
        return try builder.add(y, shortcut)
    }
}
