import Diagnostics

/// The notebook's residual block. One batch normalisation serves all three convolutions, every block projects
/// its shortcut, and nothing follows the addition. Takes no groups:
///
///     y = relu(bn(conv1(x))),  out = bn(conv2(y)) + bn(conv3(x))
public struct ResidualBlock: BlockVariant {
    public var name: String { "notebook" }
    public var className: String { "ResidualBlock" }

    public init() {}

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let (channels, stride) = (shape.channels, shape.stride)
        let conv1 = builder.declare(
            "conv1", Conv2d(shape.inputChannels, channels, kernel: 3, stride: stride, padding: 1))
        let conv2 = builder.declare("conv2", Conv2d(channels, channels, kernel: 3, padding: 1))
        let conv3 = builder.declare("conv3", Conv2d(shape.inputChannels, channels, kernel: 1, stride: stride))
        let bn = builder.declare("bn", BatchNorm2d(channels))
        let relu = builder.declare("relu", ReLUModule())

        var y = try builder.apply(relu, to: builder.apply(bn, to: builder.apply(conv1, to: input)))
        y = try builder.apply(bn, to: builder.apply(conv2, to: y))
        return try builder.add(y, builder.apply(bn, to: builder.apply(conv3, to: input)))
    }
}
