import Diagnostics
import Tensors

extension ResNet {
    /// The notebook's network: blocks on images, then a classifier of all features. The notebook's constants are the
    /// defaults.
    public init(
        block: any BlockVariant = ResidualBlock(), blocks: Int = 3, inputChannels: Int = 3,
        channels: Int = 64, imageHeight: Int = 28, imageWidth: Int = 28, classes: Int = 10
    ) {
        self.init(
            name: "notebook", block: block, inputChannels: inputChannels, imageHeight: imageHeight,
            imageWidth: imageWidth, stemChannels: nil,
            stages: [Stage("make_layer", blocks: blocks, channels: channels)], head: .features,
            classes: classes)
    }

    /// The notebook's network that a state_dict was saved from, its geometry read off the tensors' shapes.
    ///
    /// The classifier gives height · width: taken as square unless `image` says otherwise. Its bias gives the number of
    /// classes.
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
        let outputs = channels * block.expansion
        let area = features / outputs
        let classes = max(1, state["layer_out.bias"]?.shape.dimensions.first ?? classifier[0])
        let (height, width) = image ?? (Self.squareRoot(area), Self.squareRoot(area))
        let (product, overflow) = height.multipliedReportingOverflow(by: width)
        if overflow || height < 1 || width < 1 || product != area || features % outputs != 0 {
            let wanted = image.map { "(\(classes), \(outputs) · \($0.height) · \($0.width))" }
            throw EngineError(
                .badData, "\(subject): tensor layer_out.weight", "shape \(classifier)",
                expected: wanted
                    ?? "(\(classes), \(outputs) · h · h); where images are not square give --image HxW")
        }
        self.init(
            block: block, blocks: Self.blockCount(of: state), inputChannels: first[1], channels: channels,
            imageHeight: height, imageWidth: width, classes: classes)
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
