import ArgumentParser
import ModelFiles
import ResNetEngine

/// Prepares an engine for one batch and times it when told to: the protocol of Peers/harness/protocol.py.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine-worker",
        abstract: "Scores one batch over and over, as lines on standard input demand.")

    @Option(help: ArgumentHelp("The network.", valueName: "name"))
    var model = "notebook"

    @Option(help: ArgumentHelp("The model's weights, prepared or not.", valueName: "file.safetensors"))
    var weights: String

    @Flag(help: "Use prepared weights where they lie in the file.")
    var mapped = false

    @Option(help: ArgumentHelp("The batch, (n, c, h, w).", valueName: "x.npy"))
    var input: String?

    @Option(
        help: ArgumentHelp(
            "Save prepared weights and end, instead of a batch.", valueName: "file.safetensors"))
    var prepare: String?

    @Option(help: ArgumentHelp("Batch-norm statistics.", valueName: "running|batch"))
    var mode = "running"

    @Option(help: ArgumentHelp("Worker threads.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("What runs the workers.", valueName: "dispatch|openmp"))
    var executor = "dispatch"

    @Flag(help: "Keep convolutions to the products of their definition.")
    var exact = false

    @Option(help: ArgumentHelp("How feature maps are stored and products made.", valueName: "float32|bf16"))
    var precision = "float32"

    @Option(help: ArgumentHelp("What kernels are chosen for.", valueName: "throughput|latency"))
    var objective = "throughput"

    func run() throws {
        if let prepare {
            let engine = try Engine(try load(), options: try options())
            return try Safetensors.write(try engine.preparedWeights, to: prepare, alignment: 64)
        }
        guard let input else { throw EngineError(.usage, "--input", "not given", expected: "a .npy file") }
        let images = try NPYReader(input).readAll()
        let resident = ResidentMemory.restartPeak()
        let begin = ContinuousClock.now
        let detection = MachineDetection()
        let loaded = try load()
        var options = try options()
        options.batch = images.shape[0]
        let engine = try Engine(consume loaded, options: options, detection: detection)
        let preparation = (ContinuousClock.now - begin) / .milliseconds(1)
        try Worker(engine: engine, images: images, preparation: preparation, resident: resident).serve()
    }

    private func options() throws(EngineError) -> EngineOptions {
        var options = EngineOptions()
        options.threads = threads
        options.mode = try choice(mode, "--mode", BatchNormalizationMode.init)
        options.exact = exact
        options.precision = try choice(precision, "--precision", Precision.init)
        options.objective = try choice(objective, "--objective", Objective.init)
        options.executor = try choice(executor, "--executor", ExecutorKind.init)
        return options
    }

    private func load() throws(EngineError) -> Model {
        let file = try SafetensorsFile(weights)
        if PreparedWeights.describes(file.names) {
            let prepared = try PreparedWeights(
                mapped ? try file.mapped() : try file.readTogether(), subject: weights)
            return try Model(network(prepared.blank), prepared: prepared)
        }
        guard !mapped else {
            throw EngineError(
                .usage, "--mapped", "'\(weights)' holds a model's own", expected: "prepared weights")
        }
        let state = try file.read()
        return try Model(network(state), weights: consume state, subject: weights)
    }

    private func network(_ state: StateDictionary) throws(EngineError) -> ResNet {
        guard model != "notebook" else { return try ResNet(matching: state, subject: weights) }
        return ResNet(try choice(model, "--model") { name in ResNet.presets.first { $0.name == name } })
    }

    private func choice<Value>(
        _ text: String, _ flag: String, _ value: (String) -> Value?
    ) throws(EngineError) -> Value {
        guard let value = value(text) else {
            throw EngineError(.usage, flag, "'\(text)'", expected: "what --help lists")
        }
        return value
    }
}
