import CommandSupport
import ResNetEngine

/// Measures every entry of a scaling report.
struct ScalingMeasurement {
    let loaded: LoadedModel
    let machine: Machine
    let modelOptions: ModelOptions
    let options: EngineOptions
    let plan: TimingPlan
    let console: Console

    func run(threadCounts: [Int], batches: [Int]) throws(EngineError) -> ScalingReport {
        var runs = batches.flatMap { batch in threadCounts.map { ScalingRun(threads: $0, batch: batch) } }
        let isa = options.isa ?? machine.isa
        noteLoad()
        let limits = CgroupLimits.current()
        let throttledBefore = limits.throttling()

        // Engines hold memory, so each lives for its turn only; here all are tried, to refuse before measuring.
        for run in runs { console.warn(try engine(for: run).warnings) }
        let largest = batches.max() ?? 1
        let shape = loaded.model.architecture.inputShape
        var input = try Tensor(shape: [largest, shape.channels, shape.height, shape.width], subject: "input")
        var numbers = RandomNumbers(loaded.generator, count: input.elementCount)
        try input.withMutableElements { (elements) throws(EngineError) in numbers.fill(elements) }

        var peak = PeakMeasurement.gflopsPerCore(isa: isa)
        var done = 0
        for _ in 0..<plan.rounds {
            for index in runs.indices {
                console.progress("scaling", done: done, total: plan.rounds * runs.count)
                let engine = try engine(for: runs[index])
                try measure(&runs[index], engine, input)
                console.warn(engine.warnings)
                done += 1
            }
        }
        peak = max(peak, PeakMeasurement.gflopsPerCore(isa: isa))
        console.clear()
        let throttling = Self.difference(throttledBefore, limits.throttling())
        noteFindings(runs, throttling)
        return ScalingReport(
            machine: machine, loaded: loaded, options: options, isa: isa, plan: plan, runs: runs,
            peakPerCore: peak, throttling: throttling, parameters: try loaded.model.parameterCount,
            warnings: console.warnings)
    }

    private func engine(for run: ScalingRun) throws(EngineError) -> Engine {
        var options = options
        options.threads = run.threads
        options.batch = run.batch
        return try modelOptions.engine(loaded.model, options, machine)
    }

    private func measure(_ run: inout ScalingRun, _ engine: Engine, _ input: Tensor) throws(EngineError) {
        var output = try Tensor(shape: [run.batch, engine.outputShape.elementCount], subject: "output")
        let count = run.batch * engine.inputShape.elementCount
        try output.withMutableElements { (target) throws(EngineError) in
            try input.withElements { (source) throws(EngineError) in
                try run.measure(
                    engine, plan, input: UnsafeBufferPointer(rebasing: source[..<count]), output: target)
            }
        }
    }

    private func noteLoad() {
        guard let load = ProcessState.loadAverage, load > 0.5 * Double(machine.usableWorkerCount) else {
            return
        }
        let message =
            "load average \(NumberText.fixed(load, 2)) before the run: other work may disturb the figures"
        console.warn(EngineWarning("machine-busy", message))
    }

    private func noteFindings(_ runs: [ScalingRun], _ throttling: Throttling?) {
        if let throttling, throttling.periods > 0 {
            let message =
                "the CPU quota stopped this control group in \(throttling.periods) periods of the run"
            console.warn(EngineWarning("throttled", message))
        }
        for run in runs where run.spread > 0.1 {
            let message = """
                rounds with \(run.threads) threads, batch \(run.batch) lie \
                \(NumberText.fixed(run.spread * 100, 0)) % apart
                """
            console.warn(EngineWarning("noisy", message))
        }
        for run in runs where run.threadsObserved < run.threads {
            let message =
                "\(run.threadsObserved) threads did the work of \(run.threads) workers, batch \(run.batch)"
            console.warn(EngineWarning("fewer-threads", message))
        }
        for (batch, group) in Dictionary(grouping: runs, by: \.batch)
        where Set(group.flatMap(\.checksums)).count > 1 {
            console.warn(
                EngineWarning("results-differ", "results of batch \(batch) are not the same in all runs"))
        }
    }

    private static func difference(
        _ before: CgroupLimits.Throttling?, _ after: CgroupLimits.Throttling?
    ) -> Throttling? {
        guard let before, let after else { return nil }
        return Throttling(
            periods: after.periods - before.periods, microseconds: after.microseconds - before.microseconds)
    }
}

/// What the CPU quota took away during the run.
struct Throttling {
    let periods: Int
    let microseconds: Int
}
