import ArgumentParser
import CommandSupport
import ModelFiles
import ResNetEngine

/// Scores all rows of a file.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resnet-score",
        abstract: "Scores images with a residual network, rows in order.",
        discussion: """
            Rows are read, scored and written a batch at a time; with --mode batch the whole input is one batch. \
            Outputs are written to a temporary name and renamed when they are whole.
            """,
        version: ToolVersion.current)

    @OptionGroup var options: ModelOptions

    @Option(
        help: ArgumentHelp(
            """
            Images (n, c, h, w) of float32, float64 or uint8; or randn:N, N random images as PyTorch draws them, at \
            most \(RowSource.drawnRows.upperBound).
            """, valueName: "x.npy|randn:N"))
    var input: String?

    @Option(help: ArgumentHelp("Results, (n, classes) of float32.", valueName: "y.npy"))
    var output: String?

    @Option(help: ArgumentHelp("Write the images that were scored, as float32.", valueName: "x.npy"))
    var saveInput: String?

    @Option(help: ArgumentHelp("Write the weights that were used.", valueName: "file.safetensors"))
    var saveWeights: String?

    @Option(
        help: ArgumentHelp("Write the batch-norm buffers after --mode batch.", valueName: "file.safetensors"))
    var saveBuffers: String?

    @Flag(help: "Show progress even where standard error is no terminal.")
    var progress = false

    func run() throws {
        let machine = Machine.detect()
        var engineOptions = try options.singleEngineOptions(for: machine)
        let (input, output) = try checkedPaths(engineOptions.mode)
        let console = Console(progress: progress)
        let interrupts = Interrupts.shared
        let loaded = try options.load(for: machine)
        if saveWeights != nil, loaded.model.isPrepared {
            throw EngineError(
                .usage, "--save-weights", "given with prepared weights", expected: "the model's own weights")
        }
        let shape = loaded.model.architecture.inputShape
        var source = try RowSource(input, shape, loaded.generator)
        // A larger batch than there are rows would only hold memory.
        engineOptions.batch =
            engineOptions.mode == .batch
            ? max(1, source.rowCount) : min(engineOptions.batch, max(1, source.rowCount))
        guard ModelOptions.batchRange.contains(engineOptions.batch) else {
            throw EngineError(
                .resource, "--input", "a batch of \(source.rowCount) rows",
                expected: "at most \(ModelOptions.batchRange.upperBound) with --mode batch")
        }
        let drawn = saveWeights == nil ? nil : loaded.model.weights
        let engine = try options.engine((consume loaded).model, engineOptions, machine)
        if options.maxMemory != nil {
            StandardStreams.writeError("predicted peak of memory: \(engine.memory.total) bytes\n")
        }
        console.warn(engine.warnings)
        try interrupts.deferred { () throws(EngineError) in
            let scoring = Scoring(engine: engine, interrupts: interrupts, console: console)
            try scoring.run(&source, output: output, savedInput: saveInput)
            if let saveWeights, let drawn { try Safetensors.write(drawn, to: saveWeights) }
            if let saveBuffers { try Safetensors.write(try engine.buffers, to: saveBuffers) }
        }
        console.warn(engine.warnings)
    }

    private func checkedPaths(
        _ mode: BatchNormalizationMode
    ) throws(EngineError) -> (input: String, output: String) {
        guard let input else {
            throw EngineError(.usage, "--input", "not given", expected: "a .npy file or randn:N")
        }
        guard let output else { throw EngineError(.usage, "--output", "not given", expected: "a .npy file") }
        if saveBuffers != nil, mode != .batch {
            throw EngineError(.usage, "--save-buffers", "given with --mode running", expected: "--mode batch")
        }
        for (flag, path) in [("--input", input), ("--output", output)] where path == "-" {
            throw EngineError(
                .usage, flag, "streams are not in version \(ToolVersion.current)",
                expected: "the name of a .npy file")
        }
        try checkOutputs(
            output,
            inputs: [("--input", input.hasPrefix("randn:") ? nil : input), ("--weights", options.weights)])
        return (input, output)
    }

    /// Refuses outputs that would overwrite each other or what is read.
    private func checkOutputs(
        _ output: String, inputs: [(flag: String, path: String?)]
    ) throws(EngineError) {
        var taken: [String: String] = [:]
        for case (let flag, let path?) in inputs { taken[ResolvedPath.of(path)] = flag }
        let outputs = [
            ("--output", output), ("--save-input", saveInput), ("--save-weights", saveWeights),
            ("--save-buffers", saveBuffers),
        ]
        for case (let flag, let path?) in outputs {
            guard !path.isEmpty else { throw EngineError(.usage, flag, "an empty name", expected: "a file") }
            let target = ResolvedPath.of(path)
            if let other = taken[target], !ResolvedPath.isDevice(path) {
                throw EngineError(.usage, flag, "'\(path)', as \(other)", expected: "another file")
            }
            taken[target] = flag
        }
    }
}
