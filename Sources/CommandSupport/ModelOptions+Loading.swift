import ModelFiles
import ResNetEngine

/// A model, and what stands about its origin in reports.
public struct LoadedModel: Sendable {
    public let model: Model
    /// The generator as it stands after the weights: an input drawn from it is PyTorch's.
    public let generator: TorchGenerator
    /// `seed 0`, or the file of the weights.
    public let origin: String
}

extension ModelOptions {
    /// The network's structure: from the weights' shapes where there are weights.
    /// - Throws: as ``load(for:)``.
    public func architecture(for machine: Machine) throws(EngineError) -> ResNet {
        try structure(machine).network
    }

    /// The model with its weights, loaded or drawn.
    ///
    /// - Throws: `usage` for names this version does not have; `missingInput` and `badData` for the weights;
    ///   `resource` when they would not fit the memory.
    public func load(for machine: Machine) throws(EngineError) -> LoadedModel {
        var generator = TorchGenerator(seed: try seedValue())
        let (network, found) = try structure(machine)
        if let weights, let found {
            let model =
                switch found {
                case .state(let state): try Model(network, weights: state, subject: weights)
                case .prepared(let prepared): try Model(network, prepared: prepared)
                }
            return LoadedModel(model: model, generator: generator, origin: "weights \(weights)")
        }
        // Both as drawn and as packed for the kernels, which takes no less.
        let count = try network.parameters().reduce(0) { $0 + $1.shape.reduce(1, *) }
        try checkMemory(8 * count, "weights, drawn and packed", machine)
        let model = try Model(network, generator: &generator)
        return LoadedModel(model: model, generator: generator, origin: "seed \(seed)")
    }

    /// Prepares an engine, and refuses one above `--max-memory`, or that would not fit the memory that the machine
    /// has left: the system would end the program.
    public func engine(
        _ model: consuming Model, _ options: EngineOptions, _ machine: Machine
    ) throws(EngineError) -> Engine {
        var limited = options
        // The prediction counts the model's weights, which are no longer among the free bytes.
        let free = AvailableMemory.bytes + (model.isPrepared ? 0 : 4 * (try model.parameterCount))
        limited.maximumBytes = min(options.maximumBytes ?? .max, free)
        do throws(EngineError) {
            return try Engine(
                consume model, options: limited, registry: try kernels.registry(), machine: machine)
        } catch {
            guard error.subject == "--max-memory", limited.maximumBytes != options.maximumBytes else {
                throw error
            }
            throw EngineError(error.code, "memory of this machine", error.found, expected: error.expected)
        }
    }

    /// What a file of weights holds.
    private enum Weights {
        case state(StateDictionary)
        case prepared(PreparedWeights)

        /// - Parameter maps: whether prepared ones are used where they lie.
        init(_ path: String, maps: Bool) throws(EngineError) {
            let file = try SafetensorsFile(path)
            guard PreparedWeights.describes(file.names) else {
                guard !maps else { throw ModelOptions.nothingToMap("'\(path)' holds a model's own") }
                self = .state(try file.read())
                return
            }
            let state = maps ? try file.mapped() : try file.readTogether()
            self = .prepared(try PreparedWeights(state, subject: path))
        }

        /// Tensors of the model's shapes.
        var shapes: StateDictionary {
            switch self {
            case .state(let state): state
            case .prepared(let prepared): prepared.blank
            }
        }
    }

    private static func nothingToMap(_ found: String) -> EngineError {
        EngineError(.usage, "--map-weights", found, expected: "--weights that resnet-bench prepare has made")
    }

    private func structure(
        _ machine: Machine
    ) throws(EngineError) -> (network: ResNet, weights: Weights?) {
        let registry = try kernels.registry()
        let activation = try activation.map { name throws(EngineError) in
            try OptionValue.choice(name, "--activation", among: registry.activations)
        }
        let variant = try block.map { name throws(EngineError) in
            try OptionValue.choice(
                name, "--block", among: registry.blocks.map { ($0.value.name, $0.value) })
        }
        let preset = try OptionValue.choice(
            model, "--model", among: [("notebook", nil)] + ResNet.presets.map { ($0.name, $0) })
        _ = try seedValue()
        let image = try imageSize()
        func finished(_ network: ResNet) -> ResNet {
            var network = network
            network.activation = activation
            return network
        }
        guard weights != nil || !mapWeights else { throw Self.nothingToMap("without --weights") }
        if let weights {
            if weights.hasSuffix(".pt") || weights.hasSuffix(".pth") {
                throw EngineError(
                    .usage, "--weights",
                    "'\(weights)': checkpoints of PyTorch are not in version \(ToolVersion.current)",
                    expected: "a .safetensors file")
            }
            // A file that cannot be asked for its size cannot be read either.
            var status = stat()
            if stat(weights, &status) == 0 {
                try checkMemory(Int(clamping: status.st_size), "weights in \(weights)", machine)
            }
            let found = try Weights(weights, maps: mapWeights)
            let state = found.shapes
            guard let preset else {
                return (
                    finished(
                        try ResNet(
                            matching: state, block: variant ?? ResidualBlock(), image: image,
                            subject: weights)),
                    found
                )
            }
            var network = ResNet(preset, block: variant, image: image)
            if let classes = state["fc.bias"]?.shape.dimensions.first { network.classes = max(1, classes) }
            return (finished(network), found)
        }
        if let preset { return (finished(ResNet(preset, block: variant, image: image)), nil) }
        var network = ResNet(block: variant ?? ResidualBlock())
        (network.imageHeight, network.imageWidth) = image ?? (network.imageHeight, network.imageWidth)
        return (finished(network), nil)
    }

    /// Weights may be of any size; the memory is not.
    private func checkMemory(_ bytes: Int, _ what: String, _ machine: Machine) throws(EngineError) {
        let given = try maxMemory.map { text throws(EngineError) in
            try OptionValue.integer(text, "--max-memory", in: 1...Int.max)
        }
        let limit = min(machine.memoryLimitBytes ?? .max, AvailableMemory.bytes, given ?? .max)
        guard bytes <= limit else {
            throw EngineError(
                .resource, given == limit ? "--max-memory" : "memory of this machine",
                "\(bytes) bytes of \(what)", expected: "at most \(limit)")
        }
    }
}

extension ResNet {
    /// A preset's network for images of a size that an option may give.
    fileprivate init(_ preset: Preset, block: (any BlockVariant)?, image: (height: Int, width: Int)?) {
        self.init(
            preset, block: block, imageHeight: image?.height ?? 224, imageWidth: image?.width ?? 224)
    }
}
