import Diagnostics

/// What a network asks of one of its blocks.
public struct BlockShape: Sendable, Hashable {
    /// Channels of the block's input.
    public var inputChannels: Int
    /// Channels of the stage; the block's output has ``BlockVariant/expansion`` times as many.
    public var channels: Int
    /// Of the block as a whole, in both directions.
    public var stride: Int
    /// Groups of the block's middle convolution, where the variant has such a one.
    public var groups: Int
    /// Channels of a group for every 64 channels of the stage.
    public var baseWidth: Int

    public init(inputChannels: Int, channels: Int, stride: Int = 1, groups: Int = 1, baseWidth: Int = 64) {
        self.inputChannels = inputChannels
        self.channels = channels
        self.stride = stride
        self.groups = groups
        self.baseWidth = baseWidth
    }

    /// Channels of the middle convolution of a variant that has groups.
    public var width: Int { channels * baseWidth / 64 * groups }
}

/// A variant of the residual block: a function from (builder, input edge, shape) to an output edge.
///
/// A variant may also have a stem of its own and something after the last block; by default it has the usual stem and
/// nothing.
public protocol BlockVariant: Sendable {
    /// The name by which commands choose it: `notebook`.
    var name: String { get }
    /// The class name in the printed summary.
    var className: String { get }
    /// Output channels for each channel of the stage.
    var expansion: Int { get }
    /// Declares the block's layers in the builder's scope, then applies them to `input`.
    func build(
        _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
    ) throws(EngineError) -> Edge
    /// What stands before the first stage of a network that has a stem: `channels` channels at a quarter of the size.
    func stem(
        _ builder: inout NetworkBuilder, inputChannels: Int, channels: Int
    ) throws(EngineError) -> Edge
    /// What stands between the last block and the classifier.
    func tail(
        _ builder: inout NetworkBuilder, input: Edge, channels: Int
    ) throws(EngineError) -> Edge
}

extension BlockVariant {
    public var expansion: Int { 1 }

    /// 7×7 convolution at stride 2, batch normalisation, ReLU and 3×3 max-pooling at stride 2.
    public func stem(
        _ builder: inout NetworkBuilder, inputChannels: Int, channels: Int
    ) throws(EngineError) -> Edge {
        let conv1 = builder.declare(
            "conv1", Conv2d(inputChannels, channels, kernel: 7, stride: 2, padding: 3, bias: false))
        let bn1 = builder.declare("bn1", BatchNorm2d(channels))
        let relu = builder.declare("relu", ReLUModule(inPlace: true))
        let pool = builder.declare("maxpool", MaxPool2d(kernel: 3, stride: 2, padding: 1))
        let maps = try builder.apply(bn1, to: builder.apply(conv1, to: builder.input))
        return try builder.apply(pool, to: builder.apply(relu, to: maps))
    }

    public func tail(
        _ builder: inout NetworkBuilder, input: Edge, channels: Int
    ) throws(EngineError) -> Edge { input }
}
