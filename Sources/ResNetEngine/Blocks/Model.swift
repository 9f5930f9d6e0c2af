import Diagnostics
import Synchronization
import Tensors

/// A network's structure: what it takes and how its layers are declared and applied.
public protocol Architecture: Sendable {
    /// The name by which commands choose it.
    var name: String { get }
    /// The class name in the printed summary.
    var className: String { get }
    /// The shape of one image.
    var inputShape: FeatureShape { get }
    /// How weights start before any training.
    var initialization: InitializationScheme { get }
    /// What stands in the place of ReLUs; nil for these themselves.
    var activation: Activation? { get }
    func build(_ builder: inout NetworkBuilder) throws(EngineError) -> Edge
}

extension Architecture {
    public var initialization: InitializationScheme { .standard }
    public var activation: Activation? { nil }

    /// Parameters and buffers in order of construction.
    public func parameters() throws(EngineError) -> [ParameterSpecification] { try declared().parameters }

    /// What PyTorch prints for the network.
    public func summary() throws(EngineError) -> String { try declared().summary }

    private func declared() throws(EngineError) -> NetworkBuilder {
        var builder = try NetworkBuilder(self, context: nil)
        _ = try build(&builder)
        return builder
    }
}

/// An architecture with its weights: immutable, and all an engine needs.
public struct Model: Sendable {
    public let architecture: any Architecture
    /// Empty where they are prepared.
    public let weights: StateDictionary
    /// What an engine made of them, instead of the weights themselves.
    let prepared: PreparedWeights?
    /// The network of these.
    private let preparedGraph: Graph?
    /// Things noticed in the weights: absent counters, values that are not finite.
    public let warnings: [EngineWarning]

    /// Checks the weights against the architecture, all at once.
    ///
    /// An absent `num_batches_tracked` counts as 0 and is a warning.
    /// - Throws: `badData` naming `subject` and every missing, unexpected and mis-shaped tensor.
    public init(
        _ architecture: any Architecture, weights: StateDictionary, subject: String = "weights"
    ) throws(EngineError) {
        var state = StateDictionary()
        var problems: [String] = []
        var uncounted: [String] = []
        let specifications = try architecture.parameters()
        for specification in specifications {
            let name = specification.name
            switch (weights[name], specification.initialization) {
            case (nil, .counter):
                state[name] = .integers(shape: try Shape([]), values: [0])
                uncounted.append(name)
            case (nil, _): problems.append("missing \(name) \(specification.shape)")
            case (.integers(let shape, let values)?, .counter) where shape.dimensions == specification.shape:
                state[name] = .integers(shape: shape, values: values)
            case (.tensor(let tensor)?, .constant), (.tensor(let tensor)?, .kaimingUniform),
                (.tensor(let tensor)?, .biasUniform):
                guard tensor.shape.dimensions == specification.shape else {
                    problems.append(
                        "\(name) has shape \(tensor.shape.dimensions), not \(specification.shape)")
                    continue
                }
                state[name] = .tensor(tensor)
            case (let entry?, let initialization):
                let wanted = initialization == .counter ? "integers" : "floats"
                problems.append(
                    "\(name) holds \(entry.elements) of shape \(entry.shape.dimensions), not \(wanted) of "
                        + "shape \(specification.shape)")
            }
        }
        let known = Set(specifications.map(\.name))
        problems += weights.names.filter { !known.contains($0) }.map { "unexpected \($0)" }
        guard problems.isEmpty else {
            throw EngineError(
                .badData, subject, problems.joined(separator: "; "),
                expected: "the tensors of \(architecture.name)")
        }
        let odd = Self.nonFinite(in: state)
        self.architecture = architecture
        self.weights = state
        prepared = nil
        preparedGraph = nil
        warnings = [
            Self.warning("no-counter", "\(subject): counting from 0 for want of", uncounted),
            Self.warning("non-finite-weights", "\(subject): NaN or infinite values in", odd),
        ].compactMap { $0 }
    }

    init(_ architecture: any Architecture, _ prepared: PreparedWeights, _ graph: Graph) {
        self.architecture = architecture
        self.prepared = prepared
        preparedGraph = graph
        weights = StateDictionary()
        warnings = []
    }

    /// Whether the weights are those that an engine has prepared.
    public var isPrepared: Bool { prepared != nil }

    /// Names of the tensors that hold other values than numbers.
    private static func nonFinite(in state: StateDictionary) -> [String] {
        let odd = Mutex<Set<String>>([])
        PreparationTeam.all.forEach(state.names.count) { index in
            let name = state.names[index]
            if let tensor = state.tensor(name), !tensor.isFinite { odd.withLock { _ = $0.insert(name) } }
        }
        let found = odd.withLock { $0 }
        return state.names.filter(found.contains)
    }

    /// One line for all tensors that it is about, the first ones by name; nil where there are none.
    private static func warning(_ code: String, _ message: String, _ names: [String]) -> EngineWarning? {
        guard !names.isEmpty else { return nil }
        let others = names.count > 3 ? " and \(names.count - 3) others" : ""
        return EngineWarning(
            code,
            "\(message) \(names.count) tensor\(names.count == 1 ? "" : "s"): "
                + names.prefix(3).joined(separator: ", ") + others)
    }

    /// The architecture as PyTorch initialises it right after `manual_seed`; the generator goes on from there.
    public init(_ architecture: any Architecture, generator: inout TorchGenerator) throws(EngineError) {
        var state = StateDictionary()
        for specification in try architecture.parameters() {
            if specification.initialization == .counter {
                state[specification.name] = .integers(shape: try Shape([]), values: [0])
                continue
            }
            var tensor = try Tensor(shape: specification.shape, subject: specification.name)
            try tensor.withMutableElements { elements throws(EngineError) in
                switch specification.initialization {
                case .kaimingUniform(let fanIn):
                    let bound = TorchGenerator.convolutionBounds(fanIn: fanIn).weight
                    generator.uniform(elements, from: -bound, to: bound)
                case .biasUniform(let fanIn):
                    let bound = TorchGenerator.convolutionBounds(fanIn: fanIn).bias
                    generator.uniform(elements, from: -bound, to: bound)
                case .constant(let value): elements.update(repeating: value)
                case .counter: break
                }
            }
            state[specification.name] = .tensor(tensor)
        }
        if architecture.initialization == .heNormal {
            try Self.drawConvolutionsAgain(architecture, &state, &generator)
        }
        try self.init(architecture, weights: state)
    }

    /// As `kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")` of every convolution.
    private static func drawConvolutionsAgain(
        _ architecture: any Architecture, _ state: inout StateDictionary, _ generator: inout TorchGenerator
    ) throws(EngineError) {
        for specification in try architecture.parameters() where specification.shape.count == 4 {
            guard var tensor = state.tensor(specification.name) else { continue }
            let shape = specification.shape
            let deviation = Float((2 / Double(max(shape[0] * shape[2] * shape[3], 1))).squareRoot())
            try tensor.withMutableElements { elements throws(EngineError) in
                generator.normal(elements)
                for index in elements.indices { elements[index] *= deviation }
            }
            state[specification.name] = .tensor(tensor)
        }
    }

    /// The architecture as PyTorch initialises it after `manual_seed(seed)`.
    public init(_ architecture: any Architecture, seed: UInt64 = 0) throws(EngineError) {
        var generator = TorchGenerator(seed: seed)
        try self.init(architecture, generator: &generator)
    }

    /// The network as operations, nothing folded or fused.
    ///
    /// - Throws: `unavailable` for prepared weights, and what the architecture throws.
    public func graph(mode: BatchNormalizationMode = .running) throws(EngineError) -> Graph {
        if let prepared {
            throw EngineError(
                .unavailable, prepared.subject, "prepared weights",
                expected: "the model's own: these serve engines alone")
        }
        return try planned(mode: mode)
    }

    /// The network as operations, whose weights are zeros where they are prepared.
    ///
    /// - Throws: `unavailable` for prepared weights in another mode than `running`.
    func planned(mode: BatchNormalizationMode) throws(EngineError) -> Graph {
        if let preparedGraph {
            guard mode == .running else {
                throw EngineError(
                    .unavailable, "--mode", "\(mode.rawValue) with prepared weights", expected: "running")
            }
            return preparedGraph
        }
        let context = ParameterContext(state: weights, mode: mode)
        var builder = try NetworkBuilder(architecture, context: context)
        let output = try architecture.build(&builder)
        return builder.finished(output: output)
    }

    /// Numbers in all trainable parameters (buffers not counted).
    public var parameterCount: Int {
        get throws(EngineError) {
            try architecture.parameters().filter { !$0.name.contains(".running_") }
                .filter { $0.initialization != .counter }.reduce(0) { $0 + $1.shape.reduce(1, *) }
        }
    }
}
