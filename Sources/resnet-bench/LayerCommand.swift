import ArgumentParser
import CommandSupport
import ResNetEngine

/// One layer by every kernel that can run it.
struct LayerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layer",
        abstract: "Times one layer by every kernel that can run it, on one thread.",
        discussion: """
            The layer is one word, such as conv:n32c64h28w28,k64r3s3,stride1,pad1,bias,relu,sum or \
            linear:n32c512,k1000; n is the number of images of a call, and reuse97M1500us says that 97 MiB of other data \
            pass through the caches, and 1.5 ms, between two calls, as in a network: resnet-bench profile prints each \
            layer so. Kernels take turns, so that a noisy neighbour hits all alike; with --impl only those named are \
            timed.
            """)

    @Argument(help: ArgumentHelp("The layer.", valueName: "problem"))
    var problem: String

    @OptionGroup var kernels: KernelOptions

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Turns that every kernel gets.", valueName: "n"))
    var iterations = "20"

    @Option(
        help: ArgumentHelp(
            "Write the report as JSON to a file, or to standard output for -.", valueName: "file"))
    var json: String?

    /// A kernel and what it took.
    private struct Row {
        let kernel: String
        let measurement: LayerMeasurement
        let isPicked: Bool
        var samples: [LayerMeasurement.Sample] = []

        var gflops: Double { median(samples.map(\.gflops)) }
        var share: Double { median(samples.map(\.share)) }
        /// Milliseconds of one call.
        var milliseconds: Double { Double(measurement.flopsPerCall) / gflops / 1e6 }
        var fastest: Double {
            Double(measurement.flopsPerCall) / (samples.map(\.gflops).max() ?? 0) / 1e6
        }
    }

    func run() throws {
        let console = Console()
        let machine = Machine.detect()
        let engineOptions = try kernels.engineOptions(for: machine)
        try checkPrecision(engineOptions)
        let iterations = try OptionValue.integer(iterations, "--iterations", in: 1...1_000_000)
        let layer = try LayerProblem(problem, subject: "layer")
        let reportFile = try json.map { path throws(EngineError) in try ReportFile(path) }
        let picked = try measurement(
            layer, engineOptions, engineOptions.kernels, machine, tuning: engineOptions.tuning)
        console.warn(engineOptions.tuning?.finish() ?? [])
        var rows = [Row(kernel: picked.kernel, measurement: picked, isPicked: true)]
        for rejection in picked.rejected where isWanted(rejection) {
            var filter = engineOptions.kernels
            filter.chosen = [rejection.kernel]
            rows.append(
                Row(
                    kernel: rejection.kernel,
                    measurement: try measurement(layer, engineOptions, filter, machine), isPicked: false))
        }
        for turn in 0..<iterations {
            try Interrupts.shared.check()
            console.progress("layer", done: turn, total: iterations)
            for index in rows.indices { rows[index].samples.append(rows[index].measurement.sample()) }
            for row in rows { try row.measurement.check() }
        }
        console.clear()
        let reasons = picked.rejected.filter { $0.kind != .slower }
        if let reportFile {
            try reportFile.write(report(layer, rows, reasons, console.warnings))
            if reportFile.isStandardOutput { return }
        }
        try StandardStreams.write(text(layer, rows, reasons))
    }

    /// The reference takes a hundred times as long: it is timed where it is the one picked.
    private func isWanted(_ rejection: KernelRejection) -> Bool {
        rejection.kind == .slower && !rejection.kernel.hasSuffix(".reference")
    }

    /// A layer's text says its precision.
    private func checkPrecision(_ options: EngineOptions) throws(EngineError) {
        guard options.precision == .float32 else {
            throw EngineError(
                .usage, "--precision", options.precision.rawValue, expected: "a layer that ends in ,bf16")
        }
    }

    private func measurement(
        _ layer: LayerProblem, _ options: EngineOptions, _ filter: KernelFilter, _ machine: Machine,
        tuning: KernelTuning? = nil
    ) throws(EngineError) -> LayerMeasurement {
        try LayerMeasurement(
            layer, isa: options.isa ?? machine.isa, exact: options.exact, objective: options.objective,
            kernels: filter,
            tuning: tuning, registry: try kernels.registry(), machine: machine)
    }

    private func text(_ layer: LayerProblem, _ rows: [Row], _ reasons: [KernelRejection]) -> String {
        var table = TextTable([
            ("kernel", .left), ("ms", .right), ("min ms", .right), ("GFLOP/s", .right), ("% of peak", .right),
            ("÷ fastest", .right), ("", .left),
        ])
        let best = rows.map(\.milliseconds).min() ?? 0
        for row in rows {
            table.add([
                row.kernel, NumberText.fixed(row.milliseconds, 4), NumberText.fixed(row.fastest, 4),
                NumberText.fixed(row.gflops, 1), NumberText.fixed(100 * row.share, 1),
                NumberText.fixed(row.milliseconds / best, 2), row.isPicked ? "picked" : "",
            ])
        }
        var text = "layer  \(layer), a call\n\(table.text)"
        guard !reasons.isEmpty else { return text }
        var rejected = TextTable([("kernel", .left), ("reason", .left)])
        for reason in reasons { rejected.add([reason.kernel, reason.reason]) }
        text += "\nnot timed\n\(rejected.text)"
        return text
    }

    private func report(
        _ layer: LayerProblem, _ rows: [Row], _ reasons: [KernelRejection], _ warnings: [EngineWarning]
    ) -> JSONValue {
        .object([
            "schema": "resnet-bench.layer/1",
            "tool": .object(["version": .string(ToolVersion.current)]),
            "layer": .string("\(layer)"),
            "kernels": .array(
                rows.map { row in
                    .object([
                        "kernel": .string(row.kernel), "picked": .bool(row.isPicked),
                        "ms_median": .number(row.milliseconds), "ms_min": .number(row.fastest),
                        "gflops": .number(row.gflops), "percent_of_peak": .number(100 * row.share),
                    ])
                }),
            "rejected": .array(
                reasons.map {
                    .object(["kernel": .string($0.kernel), "reason": .string($0.reason)])
                }),
            "warnings": warnings.json,
        ])
    }
}
