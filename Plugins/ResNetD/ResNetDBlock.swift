import ResNetEngine

/// The block of ResNet-D (He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks", 2018):
/// a basic block or a bottleneck whose shortcut averages 2×2 pixels where the block has a stride, rather than dropping
/// three of four, and a stem of three 3×3 convolutions in place of one 7×7.
public struct ResNetDBlock: BlockVariant {
    private let isBottleneck: Bool

    public init(bottleneck: Bool = true) { isBottleneck = bottleneck }

    public var name: String { isBottleneck ? "resnet-d" : "resnet-d-basic" }
    public var className: String { isBottleneck ? "BottleneckD" : "BasicBlockD" }
    public var expansion: Int { ResidualFunction.expansion(bottleneck: isBottleneck) }

    public func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge {
        let function = try ResidualFunction(&builder, shape, bottleneck: isBottleneck)
        let shortcut = try shortcut(&builder, input, shape, channels: shape.channels * expansion)
        let sum = try builder.add(function.apply(&builder, to: input), shortcut)
        return try builder.apply(function.relu, to: sum)
    }

    private func shortcut(
        _ builder: inout NetworkBuilder, _ input: Edge, _ shape: BlockShape, channels: Int
    ) throws(EngineError) -> Edge {
        guard shape.stride != 1 || shape.inputChannels != channels else { return input }
        return try builder.scope("downsample", "Sequential") { builder throws(EngineError) in
            var edge = input
            if shape.stride != 1 {
                let pool = builder.declare("0", AvgPool2d(kernel: 2, stride: shape.stride))
                edge = try builder.apply(pool, to: edge)
            }
            let conv = builder.declare("1", Conv2d(shape.inputChannels, channels, kernel: 1, bias: false))
            let norm = builder.declare("2", BatchNorm2d(channels))
            return try builder.apply(norm, to: builder.apply(conv, to: edge))
        }
    }

    public func stem(
        _ builder: inout NetworkBuilder, inputChannels: Int, channels: Int
    ) throws(EngineError) -> Edge {
        let half = max(channels / 2, 1)
        let convolutions = try builder.scope("conv1", "Sequential") { builder throws(EngineError) in
            let conv0 = builder.declare(
                "0", Conv2d(inputChannels, half, kernel: 3, stride: 2, padding: 1, bias: false))
            let norm0 = builder.declare("1", BatchNorm2d(half))
            let relu0 = builder.declare("2", ReLUModule(inPlace: true))
            let conv1 = builder.declare("3", Conv2d(half, half, kernel: 3, padding: 1, bias: false))
            let norm1 = builder.declare("4", BatchNorm2d(half))
            let relu1 = builder.declare("5", ReLUModule(inPlace: true))
            let conv2 = builder.declare("6", Conv2d(half, channels, kernel: 3, padding: 1, bias: false))
            var edge = try builder.apply(norm0, to: builder.apply(conv0, to: builder.input))
            edge = try builder.apply(conv1, to: builder.apply(relu0, to: edge))
            edge = try builder.apply(relu1, to: builder.apply(norm1, to: edge))
            return try builder.apply(conv2, to: edge)
        }
        let norm = builder.declare("bn1", BatchNorm2d(channels))
        let relu = builder.declare("relu", ReLUModule(inPlace: true))
        let pool = builder.declare("maxpool", MaxPool2d(kernel: 3, stride: 2, padding: 1))
        let maps = try builder.apply(relu, to: builder.apply(norm, to: convolutions))
        return try builder.apply(pool, to: maps)
    }
}

extension Plugin {
    public static let resNetD = Plugin("ResNetD", blocks: [ResNetDBlock(), ResNetDBlock(bottleneck: false)])
}
