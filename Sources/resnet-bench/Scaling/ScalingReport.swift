import CommandSupport
import ResNetEngine

/// The outcome of `scaling`.
struct ScalingReport {
    let machine: Machine
    let loaded: LoadedModel
    let options: EngineOptions
    let isa: ISALevel
    let plan: TimingPlan
    let runs: [ScalingRun]
    /// GFLOP/s of one core.
    let peakPerCore: Double
    let throttling: Throttling?
    let parameters: Int
    let warnings: [EngineWarning]

    /// How much faster than the first entry of the same batch size.
    func speedup(_ run: ScalingRun) -> Double {
        let reference = baseline(of: run).imagesPerSecond
        return reference > 0 ? run.imagesPerSecond / reference : 0
    }

    /// The same as the median of the ratios round by round: only what changes within a round disturbs it.
    func pairedSpeedup(_ run: ScalingRun) -> Double {
        median(zip(baseline(of: run).rounds, run.rounds).map { $0.latency.mean / $1.latency.mean })
    }

    /// The speed-up as a share of what more workers could give at best.
    func efficiency(_ run: ScalingRun) -> Double {
        speedup(run) * Double(baseline(of: run).threads) / Double(run.threads)
    }

    func percentOfPeak(_ run: ScalingRun) -> Double {
        peakPerCore > 0 ? run.gflops / (peakPerCore * Double(run.threads)) * 100 : 0
    }

    private func baseline(of run: ScalingRun) -> ScalingRun {
        runs.first { $0.batch == run.batch } ?? run
    }

    private var flopsPerImage: Int { runs.first?.flopsPerImage ?? 0 }

    /// The run that needs the most memory.
    private var largestMemory: MemoryPrediction? {
        runs.compactMap(\.memory).max { $0.total < $1.total }
    }
}

extension ScalingReport {
    var json: JSONValue {
        .object([
            "schema": "resnet-bench.scaling/1",
            "tool": .object(["name": "resnet-bench", "version": .string(ToolVersion.current)]),
            "machine": .object(machine.json),
            "model": .object([
                "name": .string(loaded.model.architecture.name),
                "origin": .string(loaded.origin),
                "parameters": .integer(parameters),
                "flops_per_image": .integer(flopsPerImage),
                "input_shape": .array(inputShape.map(JSONValue.integer)),
            ]),
            "timing": .object([
                "warmup": .integer(plan.warmup), "iterations": .integer(plan.iterations),
                "duration_s": .number(plan.seconds), "repeats": .integer(plan.rounds),
            ]),
            "peak_gflops_per_core": .number(peakPerCore),
            "predicted_peak_bytes": JSONValue(largestMemory?.total),
            "throttling": throttling.map {
                .object(["periods": .integer($0.periods), "microseconds": .integer($0.microseconds)])
            } ?? .null,
            "runs": .array(runs.map(json)),
            "warnings": warnings.json,
        ])
    }

    private func json(_ run: ScalingRun) -> JSONValue {
        .object([
            "threads": .integer(run.threads),
            "threads_observed": .integer(run.threadsObserved),
            "distinct_threads": .integer(run.threadIdentifiers.count),
            "batch": .integer(run.batch),
            "mode": .string(options.mode == .running ? "running" : "batch"),
            "isa": .string(isa.rawValue),
            "exact": .bool(options.exact),
            "executor": .string(options.executor.rawValue),
            "pin": .string("\(options.pin)"),
            "pinned": .bool(run.isPinned),
            "images_per_s": .number(run.imagesPerSecond),
            "latency_ms": run.latency.json,
            "iterations": .integer(run.iterations),
            "gflops": .number(run.gflops),
            "percent_of_peak": .number(percentOfPeak(run)),
            "speedup": .number(speedup(run)),
            "efficiency": .number(efficiency(run)),
            "paired_speedup": .number(pairedSpeedup(run)),
            "cpu_placement": .array(run.cpuPlacement.map(JSONValue.integer)),
            "allocations_per_batch": .number(run.allocationsPerBatch),
            "caller_allocations_per_batch": .number(run.callerAllocationsPerBatch),
            "peak_rss_bytes": JSONValue(run.peakResidentBytes),
            "predicted_bytes": run.memory.map(json) ?? .null,
            "cpu_utilization": .number(run.cpuUtilization),
            "involuntary_switches": .integer(run.involuntarySwitches),
            "spread": .number(run.spread),
            "rounds": .array(
                run.rounds.map { round in
                    .object([
                        "iterations": .integer(round.iterations), "latency_ms": round.latency.json,
                        "images_per_s": .number(Double(run.batch) / max(round.latency.mean, 1e-9) * 1e3),
                    ])
                }),
        ])
    }

    private func json(_ memory: MemoryPrediction) -> JSONValue {
        .object([
            "weights": .integer(memory.weights), "packed": .integer(memory.packed),
            "workspace": .integer(memory.workspace), "batch": .integer(memory.batch),
            "total": .integer(memory.total),
        ])
    }

    private var inputShape: [Int] {
        let shape = loaded.model.architecture.inputShape
        return [shape.channels, shape.height, shape.width]
    }
}

extension ScalingReport {
    var text: String {
        let shape = inputShape.map(String.init).joined(separator: "x")
        var text = """
            machine  \(machine.line)
            model    \(loaded.model.architecture.name) on \(shape), \(loaded.origin): \
            \(NumberText.grouped(parameters)) parameters, \
            \(NumberText.fixed(Double(flopsPerImage) * 1e-6, 1)) MFLOP an image
            run      mode \(options.mode == .running ? "running" : "batch"), isa \(isa.rawValue)\(options.exact ? ", exact" : ""), \
            executor \(options.executor.rawValue), pin \(options.pin); \(plan.rounds) rounds of at least \
            \(plan.iterations) batches and \(NumberText.fixed(plan.seconds, 1)) s after \(plan.warmup) to warm up

            """
        if let memory = largestMemory {
            text += """
                memory   predicted peak \(NumberText.bytes(memory.total)): weights \(NumberText.bytes(memory.weights)), \
                packed \(NumberText.bytes(memory.packed)), workspace \(NumberText.bytes(memory.workspace)), \
                batch \(NumberText.bytes(memory.batch))

                """
        }
        text += "peak     \(NumberText.fixed(peakPerCore, 1)) GFLOP/s a core, measured in this run\n\n"
        var table = TextTable([
            ("threads", .right), ("seen", .right), ("batch", .right), ("images/s", .right),
            ("speed-up", .right),
            ("paired", .right), ("efficiency", .right), ("GFLOP/s", .right), ("% of peak", .right),
            ("mean ms", .right),
            ("p50 ms", .right), ("p90 ms", .right), ("p99 ms", .right), ("max ms", .right),
            ("spread %", .right),
            ("allocs/batch", .right), ("CPUs", .left),
        ])
        for run in runs { table.add(row(run)) }
        return text + table.text
    }

    private func row(_ run: ScalingRun) -> [String] {
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
