import ArgumentParser
import CommandSupport
import ModelFiles
import ResNetEngine

/// Saves what an engine computes from weights, so that others load it.
struct PrepareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Saves weights as this machine's kernels read them, for --weights.",
        discussion: """
            The file serves the same network with the same --isa, --precision, --exact, --objective, --impl and \
            --skip-impl, and gives the same results as the weights themselves, in less time: nothing is folded, composed or packed again.
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: ArgumentHelp("Where to.", valueName: "file.safetensors"))
    var output: String?

    func run() throws {
        let machine = Machine.detect()
        var engineOptions = try options.singleEngineOptions(for: machine)
        engineOptions.batch = 1
        guard let output, !output.isEmpty else {
            throw EngineError(.usage, "--output", "not given", expected: "the name of a .safetensors file")
        }
        if let weights = options.weights, ResolvedPath.of(weights) == ResolvedPath.of(output) {
            throw EngineError(.usage, "--output", "'\(output)', as --weights", expected: "another file")
        }
        let loaded = try options.load(for: machine)
        guard !loaded.model.isPrepared else {
            throw EngineError(
                .usage, "--weights", "prepared already", expected: "the model's own weights")
        }
        let engine = try options.engine((consume loaded).model, engineOptions, machine)
        try Interrupts.shared.deferred { () throws(EngineError) in
            try Safetensors.write(try engine.preparedWeights, to: output, alignment: 64)
        }
        Console(progress: false).warn(engine.warnings)
    }
}
