import Diagnostics
import Tensors

/// A residual network: a stem or none, stages of blocks, and a classifier.
///
/// The block variant is a parameter. `ResNet()` is the notebook's network; ``presets`` are the usual ones.
public struct ResNet: Architecture {
    /// Blocks of one width.
    public struct Stage: Sendable, Hashable {
        /// Its path in the state_dict: `layer1`.
        public var name: String
        public var blocks: Int
        /// Channels of its blocks; their outputs have ``BlockVariant/expansion`` times as many.
        public var channels: Int
        /// Of its first block.
        public var stride: Int

        public init(_ name: String, blocks: Int, channels: Int, stride: Int = 1) {
            self.name = name
            self.blocks = blocks
            self.channels = channels
            self.stride = stride
        }
    }

    /// What the classifier reads.
    public enum Head: Sendable, Hashable {
        /// All features of the last map, in `c h w` order. PyTorch would construct it before the blocks.
        case features
        /// The mean of each channel.
        case means
    }

    /// The name by which commands choose it.
    public var name: String
    public var block: any BlockVariant
    public var inputChannels: Int
    public var imageHeight: Int
    public var imageWidth: Int
    /// Channels of the stem, or nil where images go into the first stage.
    public var stemChannels: Int?
    public var stages: [Stage]
    public var groups = 1
    /// Channels of a group for every 64 channels of a stage.
    public var baseWidth = 64
    public var head: Head
    public var classes: Int
    public var activation: Activation?

    public init(
        name: String, block: any BlockVariant, inputChannels: Int = 3, imageHeight: Int, imageWidth: Int,
        stemChannels: Int?, stages: [Stage], head: Head, classes: Int
    ) {
        self.name = name
        self.block = block
        self.inputChannels = inputChannels
        self.imageHeight = imageHeight
        self.imageWidth = imageWidth
        self.stemChannels = stemChannels
        self.stages = stages
        self.head = head
        self.classes = classes
    }

    public var className: String { "ResNet" }
    public var inputShape: FeatureShape {
        FeatureShape(channels: inputChannels, height: imageHeight, width: imageWidth)
    }
    public var initialization: InitializationScheme { stemChannels == nil ? .standard : .heNormal }

    public func build(_ builder: inout NetworkBuilder) throws(EngineError) -> Edge {
        try check()
        switch head {
        case .features:
            let classifier = builder.declare("layer_out", LinearModule(try featureCount(), classes))
            let maps = try maps(&builder)
            return try builder.apply(classifier, to: builder.flatten(maps))
        case .means:
            let maps = try maps(&builder)
            let pool = builder.declare("avgpool", AdaptiveAvgPool2d())
            let classifier = builder.declare("fc", LinearModule(outputChannels, classes))
            let means = try builder.apply(pool, to: maps)
            return try builder.apply(classifier, to: builder.flatten(means))
        }
    }

    /// Stem, stages and tail.
    private func maps(_ builder: inout NetworkBuilder) throws(EngineError) -> Edge {
        var edge = builder.input
        var channels = inputChannels
        if let stemChannels {
            edge = try block.stem(&builder, inputChannels: channels, channels: stemChannels)
            channels = stemChannels
        }
        for stage in stages {
            (edge, channels) = try builder.scope(stage.name, "Sequential") { builder throws(EngineError) in
                var (edge, channels) = (edge, channels)
                for index in 0..<stage.blocks {
                    let shape = BlockShape(
                        inputChannels: channels, channels: stage.channels,
                        stride: index == 0 ? stage.stride : 1, groups: groups, baseWidth: baseWidth)
                    edge = try builder.scope("\(index)", block.className) { builder throws(EngineError) in
                        try block.build(&builder, input: edge, shape)
                    }
                    channels = stage.channels * block.expansion
                }
                return (edge, channels)
            }
        }
        return try block.tail(&builder, input: edge, channels: channels)
    }

    /// Channels after the last block.
    private var outputChannels: Int {
        guard let last = stages.last(where: { $0.blocks > 0 }) else { return stemChannels ?? inputChannels }
        return last.channels * block.expansion
    }

    /// Features that a classifier of all of them reads.
    ///
    /// - Throws: `badData` where a stem or a stride, which blocks may round their own way, makes that unknown before they
    ///   are built.
    private func featureCount() throws(EngineError) -> Int {
        guard stemChannels == nil, stages.allSatisfy({ $0.stride == 1 }) else {
            throw EngineError(
                .badData, name, "a classifier of all features after strides", expected: "of means")
        }
        let features = FeatureShape(channels: outputChannels, height: imageHeight, width: imageWidth)
        try features.check(subject: className)
        return features.elementCount
    }

    /// - Throws: `badData` for numbers that no network has.
    private func check() throws(EngineError) {
        let limit = 1 << 20
        let numbers =
            [inputChannels, stemChannels ?? 1, groups, baseWidth]
            + stages.flatMap { [$0.channels, $0.stride] }
        guard numbers.allSatisfy({ (1...limit).contains($0) }), classes >= 1,
            stages.allSatisfy({ (0...limit).contains($0.blocks) }),
            stages.allSatisfy({ $0.channels <= limit / block.expansion })
        else {
            throw EngineError(
                .badData, name, "channels, blocks, strides or classes out of range", expected: "1 to \(limit)"
            )
        }
    }
}
