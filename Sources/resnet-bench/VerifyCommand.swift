import ArgumentParser
import CommandSupport
import ModelFiles
import ResNetEngine

/// Checks kernels against the reference, or the model against golden tensors.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every kernel against the float64 reference, or the model against golden tensors.",
        discussion: """
            Without --input and --expect: every kernel of each instruction set up to --isa on shapes drawn from \
            --seed, or with --plugin all that the plugins bring. With both: the model's results for the input against those expected. Exit status 1 when a \
            check fails.
            """)

    /// Failed cases that are printed.
    private static let shownFailures = 5

    @OptionGroup var options: ModelOptions

    @Option(help: ArgumentHelp("Images, (n, c, h, w).", valueName: "x.npy"))
    var input: String?

    @Option(help: ArgumentHelp("Results expected, (n, classes).", valueName: "y.npy"))
    var expect: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Largest difference allowed, as a share of the largest |expected|.", valueName: "t"))
    var tolerance = "5e-6"

    @Flag(help: "Show progress even where standard error is no terminal.")
    var progress = false

    func run() throws {
        let console = Console(progress: progress)
        let machine = Machine.detect()
        let engineOptions = try options.singleEngineOptions(for: machine)
        let tolerance = try OptionValue.number(tolerance, "--tolerance", in: 0...1e6)
        switch (input, expect) {
        case (nil, nil):
            try verifyKernels(upTo: engineOptions.isa ?? machine.isa, machine, console)
        case (let input?, let expect?):
            try verifyModel(input, expect, tolerance, engineOptions, machine, console)
        case (nil, _?):
            throw EngineError(.usage, "--input", "not given", expected: "a .npy file beside --expect")
        case (_?, nil):
            throw EngineError(.usage, "--expect", "not given", expected: "a .npy file beside --input")
        }
    }

    private func verifyKernels(
        upTo limit: ISALevel, _ machine: Machine, _ console: Console
    ) throws(EngineError) {
        let seed = try options.seedValue()
        let levels = ISALevel.allCases.filter { $0 <= limit }
        // Names are in use from the start: a wrong --model is no less wrong here.
        _ = try options.architecture(for: machine)
        var table = TextTable([
            ("kernel", .left), ("cases", .right), ("worst error", .right), ("verdict", .left),
        ])
        var failures: [String] = []
        var failedKernels = 0
        var kernels = 0
        let plugins = try options.kernels.loadedPlugins()
        for (index, level) in levels.enumerated() where plugins.isEmpty || level == limit {
            console.progress("verify \(level.rawValue)", done: index, total: levels.count)
            let outcomes =
                try plugins.isEmpty
                ? KernelVerification.run(isa: level, seed: seed) : verify(plugins, level, seed)
            for outcome in outcomes {
                let passed = outcome.failures.isEmpty
                kernels += 1
                failedKernels += passed ? 0 : 1
                failures += outcome.failures.map { "\(outcome.kernel): \($0)" }
                table.add([
                    outcome.kernel, "\(outcome.cases)", NumberText.fixed(outcome.worstError, 3),
                    passed ? "ok" : "FAILED (\(outcome.failures.count))",
                ])
            }
        }
        console.clear()
        var text = """
            kernels against the float64 reference, seed \(seed); errors as a share of what is allowed
            \(table.text)
            """
        for failure in failures.prefix(Self.shownFailures) { text += "failed  \(failure)\n" }
        if failures.count > Self.shownFailures {
            text += "failed  \(failures.count - Self.shownFailures) others\n"
        }
        text += "\(kernels) kernels, \(failedKernels) failed\n"
        try StandardStreams.write(text)
        guard failedKernels == 0 else {
            throw EngineError(
                .comparison, "kernels", "\(failedKernels) of \(kernels) failed",
                expected: "none, seed \(seed)")
        }
    }

    /// All that plugins bring and that can be tried by itself.
    private func verify(
        _ plugins: [Plugin], _ level: ISALevel, _ seed: UInt64
    ) throws(EngineError) -> [KernelVerification.Outcome] {
        // Names that are taken are told here too.
        _ = try options.kernels.registry()
        var outcomes: [KernelVerification.Outcome] = []
        for plugin in plugins {
            for kind in plugin.operations {
                if let outcome = try KernelVerification.run(kind, isa: level, seed: seed) {
                    outcomes.append(outcome)
                }
            }
            for kernel in plugin.convolutions {
                outcomes.append(try KernelVerification.run(kernel, isa: level, seed: seed))
            }
        }
        return outcomes
    }

    private func verifyModel(
        _ input: String, _ expect: String, _ tolerance: Double, _ engineOptions: EngineOptions,
        _ machine: Machine,
        _ console: Console
    ) throws(EngineError) {
        let loaded = try options.load(for: machine)
        let images = try NPYReader(input)
        try images.checkImages(input, loaded.model.architecture.inputShape)
        let golden = try NPYReader(expect)
        var prepared = engineOptions
        // All rows are one batch: so it must be in batch mode, and elsewhere it makes no difference.
        prepared.batch = max(1, images.rowCount)
        let engine = try options.engine(loaded.model, prepared, machine)
        console.warn(engine.warnings)
        let shape = [images.rowCount, engine.outputShape.elementCount]
        guard golden.shape.dimensions == shape else {
            throw EngineError(
                .badData, expect, "shape \(golden.shape)", expected: "(\(shape[0]), \(shape[1])) for \(input)"
            )
        }
        let expected = try golden.readAll()
        let output = try engine.score(try images.readAll())
        let result = Self.compare(output, expected)
        let verdict = result.error <= tolerance
        try StandardStreams.write(
            """
            model      \(loaded.model.architecture.name), \(loaded.origin), mode \(options.mode), isa \(engine.isa.rawValue)
            rows       \(shape[0])
            error      \(NumberText.scientific(result.error)) = max|out - expect| / max|expect| \
            = \(NumberText.scientific(result.difference)) / \(NumberText.scientific(result.scale))
            tolerance  \(NumberText.scientific(tolerance))
            verdict    \(verdict ? "ok" : "FAILED")

            """)
        guard verdict else {
            throw EngineError(
                .comparison, expect, "an error of \(NumberText.scientific(result.error))",
                expected: "at most \(NumberText.scientific(tolerance)) of the largest |expected|")
        }
    }

    /// Differences by value; one that is not a number makes the error infinite.
    private static func compare(_ output: Tensor, _ expected: Tensor) -> (
        difference: Double, scale: Double, error: Double
    ) {
        var difference = 0.0
        var scale = 0.0
        for (value, golden) in zip(output.values, expected.values) {
            let distance = abs(Double(value) - Double(golden))
            difference = max(difference, value == golden ? 0 : distance.isNaN ? .infinity : distance)
            scale = max(scale, abs(Double(golden)))
        }
        let error = difference == 0 ? 0 : scale > 0 && scale.isFinite ? difference / scale : .infinity
        return (difference, scale, error)
    }
}
