import Diagnostics
import Tensors

/// The notebook's network: residual blocks on images, then a linear classifier on all their features. The
/// notebook's constants are the defaults.
public struct ResNet: Architecture {
    public var block: any BlockVariant
    public var blocks: Int
    public var inputChannels: Int
    public var channels: Int
    public var imageHeight: Int
    public var imageWidth: Int
    public var classes: Int

    public init(
        block: any BlockVariant = ResidualBlock(), blocks: Int = 3, inputChannels: Int = 3,
        channels: Int = 64,
        imageHeight: Int = 28, imageWidth: Int = 28, classes: Int = 10
    ) {
        self.block = block
        self.blocks = blocks
        self.inputChannels = inputChannels
        self.channels = channels
        self.imageHeight = imageHeight
        self.imageWidth = imageWidth
        self.classes = classes
    }

    public var name: String { "notebook" }
    public var className: String { "ResNet" }
    public var inputShape: FeatureShape {
        FeatureShape(channels: inputChannels, height: imageHeight, width: imageWidth)
    }

    public func build(_ builder: inout NetworkBuilder) throws(EngineError) -> Edge {
        let features = FeatureShape(channels: channels, height: imageHeight, width: imageWidth)
        try features.check(subject: className)
        guard blocks >= 0, classes >= 1 else {
            throw EngineError(
                .badData, className, "\(blocks) blocks, \(classes) classes", expected: "0 and 1 or more")
        }
        let classifier = builder.declare("layer_out", LinearModule(features.elementCount, classes))
        let maps = try builder.scope("make_layer", "Sequential") { builder throws(EngineError) in
            var edge = builder.input
            for index in 0..<blocks {
                edge = try builder.scope("\(index)", block.className) { builder throws(EngineError) in
                    try block.build(
                        &builder, input: edge, inputChannels: index == 0 ? inputChannels : channels,
                        outputChannels: channels, stride: 1)
                }
            }
            return edge
        }
        return try builder.apply(classifier, to: builder.flatten(maps))
    }
}

extension ResNet {
    /// The network that a state_dict was saved from, its geometry read off the tensors' shapes.
    ///
    /// The classifier gives height · width: taken as square unless `image` says otherwise.
    /// - Throws: `badData` naming the tensor that is missing or does not fit.
    public init(
        matching state: StateDictionary, block: any BlockVariant = ResidualBlock(),
        image: (height: Int, width: Int)? = nil, subject: String = "weights"
    ) throws(EngineError) {
        func shape(_ name: String, rank: Int) throws(EngineError) -> Shape {
            guard let shape = state[name]?.shape else {
                throw EngineError(
                    .badData, subject, "no tensor \(name)", expected: "the notebook network's tensors")
            }
            guard shape.rank == rank, shape.dimensions.allSatisfy({ $0 > 0 }) else {
                throw EngineError(
                    .badData, "\(subject): tensor \(name)", "shape \(shape)",
                    expected: "\(rank) extents above 0")
            }
            return shape
        }
        let classifier = try shape("layer_out.weight", rank: 2)
        let first = try shape("make_layer.0.conv1.weight", rank: 4)
        let (channels, features) = (first[0], classifier[1])
        let area = features / channels
        let (height, width) = image ?? (Self.squareRoot(area), Self.squareRoot(area))
        let (product, overflow) = height.multipliedReportingOverflow(by: width)
        if overflow || height < 1 || width < 1 || product != area || features % channels != 0 {
            let found = "shape \(classifier), \(channels) channels"
            throw EngineError(
                .badData, "\(subject): tensor layer_out.weight", found,
                expected: image.map { "\(channels) · \($0.height) · \($0.width) features" }
                    ?? "channels · h · h features; for another image give --image HxW")
        }
        self.init(
            block: block, blocks: Self.blockCount(of: state), inputChannels: first[1], channels: channels,
            imageHeight: height, imageWidth: width, classes: classifier[0])
    }

    private static func squareRoot(_ value: Int) -> Int {
        var root = Int(Double(value).squareRoot())
        while root > 0, root * root > value { root -= 1 }
        while (root + 1) * (root + 1) <= value { root += 1 }
        return root
    }

    /// One more than the highest block number among names `make_layer.N.…`, counting up without a gap.
    private static func blockCount(of state: StateDictionary) -> Int {
        let numbers = Set(
            state.names.compactMap { name -> Int? in
                let parts = name.split(separator: ".", maxSplits: 2)
                return parts.count == 3 && parts[0] == "make_layer" ? Int(parts[1]) : nil
            })
        var count = 0
        while numbers.contains(count) { count += 1 }
        return count
    }
}
