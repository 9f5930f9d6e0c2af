import CommandSupport
import ResNetEngine

extension ScalingReport {
    static let schema = "resnet-bench.scaling/1"

    var json: JSONValue {
        .object([
            "schema": .string(Self.schema),
            "tool": .object(["name": "resnet-bench", "version": .string(ToolVersion.current)]),
            "machine": .object(machine.json),
            "model": .object([
                "name": .string(loaded.model.architecture.name),
                "origin": .string(loaded.origin),
                "parameters": .integer(parameters),
                "flops_per_image": .integer(flopsPerImage),
                "activation": loaded.model.architecture.activation.map {
                    .string($0.operation.identifier)
                } ?? .null,
                "input_shape": .array(inputShape.map(JSONValue.integer)),
            ]),
            "options": options.json,
            "timing": .object([
                "warmup": .integer(plan.warmup), "iterations": .integer(plan.iterations),
                "duration_s": .number(plan.seconds), "repeats": .integer(plan.rounds),
            ]),
            "date": .string(date),
            "peak_gflops_per_core": .number(peakPerCore),
            "memory_gb_per_s": JSONValue(bandwidth?.gigabytesPerSecond),
            "memory_gb_per_s_per_core": JSONValue(bandwidth?.gigabytesPerSecondPerThread),
            "fits": .array(fits.map(\.json)),
            "layers": profile.layersJSON,
            "profile": .object([
                "batch": .integer(profile.rows),
                "threads": .integer(profile.engine.placement.workers.count),
            ]),
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
            "precision": .string(options.precision.rawValue),
            "executor": .string(options.executor.rawValue),
            "pin": .string("\(options.pin)"),
            "pinned": .bool(run.isPinned),
            "numa": .string(run.numa.rawValue),
            "images_per_s": .number(run.imagesPerSecond),
            "memory_gb_per_s": JSONValue(bandwidth(run)?.gigabytesPerSecond),
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

    var inputShape: [Int] {
        let shape = loaded.model.architecture.inputShape
        return [shape.channels, shape.height, shape.width]
    }
}
