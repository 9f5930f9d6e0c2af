import CommandSupport
import ResNetEngine

extension ScalingReport {
    /// The model in one line.
    var modelLine: String {
        let shape = inputShape.map(String.init).joined(separator: "x")
        return """
            \(loaded.model.architecture.name) on \(shape), \(loaded.origin): \
            \(NumberText.grouped(parameters)) parameters, \
            \(NumberText.fixed(Double(flopsPerImage) * 1e-6, 1)) MFLOP an image
            """
    }

    /// How it was run, in one line.
    var runLine: String {
        """
        mode \(options.mode == .running ? "running" : "batch"), isa \(isa.rawValue)\(options.exact ? ", exact" : "")\
        \(options.precision == .float32 ? "" : ", \(options.precision.rawValue)")\
        \(options.objective == .throughput ? "" : ", for \(options.objective.rawValue)"), \
        executor \(options.executor.rawValue), pin \(options.pin); \(plan.rounds) rounds of at least \
        \(plan.iterations) batches and \(NumberText.fixed(plan.seconds, 1)) s after \(plan.warmup) to warm up
        """
    }

    /// What memory gave, by number of threads; nil where not measured.
    var bandwidthLine: String? {
        guard !bandwidths.isEmpty else { return nil }
        let parts = bandwidths.values.sorted { $0.threads < $1.threads }.map {
            "\(NumberText.fixed($0.gigabytesPerSecond, 1)) GB/s by \($0.threads)"
        }
        return parts.joined(separator: ", ") + " thread\(bandwidths.keys.max() == 1 ? "" : "s")"
    }

    var text: String {
        var text = """
            machine  \(machine.line)
            model    \(modelLine)
            run      \(runLine)

            """
        if let memory = largestMemory {
            text += """
                memory   predicted peak \(NumberText.bytes(memory.total)): weights \(NumberText.bytes(memory.weights)), \
                packed \(NumberText.bytes(memory.packed)), workspace \(NumberText.bytes(memory.workspace)), \
                batch \(NumberText.bytes(memory.batch))

                """
        }
        text += "peak     \(NumberText.fixed(peakPerCore, 1)) GFLOP/s a core, measured in this run\n"
        text += "reading  \(bandwidthLine ?? "not measured: no room for it, or caches too large")\n\n"
        var table = TextTable(Self.columns)
        for run in runs { table.add(row(run)) }
        return text + table.text + curve + laws
    }

    /// The curve, where there is one.
    private var curve: String {
        guard Set(runs.map(\.threads)).count > 1 else { return "" }
        let marks: [Character] = ["o", "x", "+", "*", "#", "@"]
        let plot = TextPlot(
            points: runs.map { run in
                let index = batches.firstIndex(of: run.batch) ?? 0
                return TextPlot.Point(
                    mark: marks[index % marks.count], threads: Double(run.threads), speedup: speedup(run))
            }, baseline: Double(runs.first?.threads ?? 1))
        let legend = batches.enumerated().map { "\(marks[$0.offset % marks.count]) batch \($0.element)" }
        return "\n\(plot.text)\n\(legend.joined(separator: ", ")); . ideal\n"
    }

    private var laws: String {
        fits.map { fit in
            "\nlaws of batch \(fit.batch)\n" + fit.lines.map { "  \($0)\n" }.joined()
        }.joined()
    }

    static let columns: [(header: String, alignment: TextTable.Alignment)] = [
        ("threads", .right), ("seen", .right), ("batch", .right), ("images/s", .right),
        ("speed-up", .right), ("paired", .right), ("efficiency", .right), ("GFLOP/s", .right),
        ("% of peak", .right), ("mean ms", .right), ("p50 ms", .right), ("p90 ms", .right),
        ("p99 ms", .right), ("max ms", .right), ("spread %", .right), ("allocs/batch", .right),
        ("CPUs", .left),
    ]

    func row(_ run: ScalingRun) -> [String] {
        let latency = run.latency
        return [
            "\(run.threads)", "\(run.threadsObserved)", "\(run.batch)",
            NumberText.fixed(run.imagesPerSecond, 1),
            NumberText.fixed(speedup(run), 2), NumberText.fixed(pairedSpeedup(run), 2),
            NumberText.fixed(efficiency(run), 2),
            NumberText.fixed(run.gflops, 1), NumberText.fixed(percentOfPeak(run), 1),
            NumberText.fixed(latency.mean, 3), NumberText.fixed(latency.p50, 3),
            NumberText.fixed(latency.p90, 3),
            NumberText.fixed(latency.p99, 3), NumberText.fixed(latency.max, 3),
            NumberText.fixed(run.spread * 100, 1), NumberText.fixed(run.allocationsPerBatch, 1),
            "\(CPUSet(run.cpuPlacement))",
        ]
    }
}
