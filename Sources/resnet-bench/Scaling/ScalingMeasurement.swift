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
        let stolenBefore = ProcessState.stolenSeconds(of: machine.allowed)
        let start = Stopwatch.now

        // Engines hold memory, so each lives for its turn only; here all are tried, to refuse before measuring.
        for run in runs { console.warn(try engine(for: run).warnings) }
        let largest = batches.max() ?? 1
        let shape = loaded.model.architecture.inputShape
        var input = try Tensor(shape: [largest, shape.channels, shape.height, shape.width], subject: "input")
        var numbers = RandomNumbers(loaded.generator, count: input.elementCount)
        try input.withMutableElements { (elements) throws(EngineError) in numbers.fill(elements) }

        let firstPeak = PeakMeasurement.gflopsPerCore(isa: isa)
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
        let lastPeak = PeakMeasurement.gflopsPerCore(isa: isa)
        let bandwidths = try measureBandwidths(threadCounts)
        let throttling = Self.difference(throttledBefore, limits.throttling())
        note(runs, throttling)
        note(firstPeak: firstPeak, lastPeak: lastPeak)
        if let stolenBefore, let stolen = ProcessState.stolenSeconds(of: machine.allowed) {
            note(stolen: stolen - stolenBefore, of: Stopwatch.seconds(start, Stopwatch.now))
        }
        let threads = min(threadCounts.max() ?? 1, machine.usableWorkerCount)
        let roofline = Roofline(
            peakGflops: max(firstPeak, lastPeak),
            gigabytesPerSecond: bandwidths[threads]?.gigabytesPerSecondPerThread)
        let profile = try profile(threads: threads, batch: largest, input, roofline)
        console.clear()
        return ScalingReport(
            machine: machine, loaded: loaded, options: options, isa: isa, plan: plan, runs: runs,
            peakPerCore: roofline.peakGflops, bandwidths: bandwidths, profile: profile,
            throttling: throttling, parameters: try loaded.model.parameterCount,
            warnings: console.warnings, date: ProcessState.date)
    }

    /// How fast memory is read, by number of threads; more than usable workers read no faster.
    private func measureBandwidths(_ threadCounts: [Int]) throws(EngineError) -> [Int: BandwidthMeasurement] {
        let held = 8 * (try loaded.model.parameterCount)
        var bandwidths: [Int: BandwidthMeasurement] = [:]
        for threads in Set(threadCounts.map { min($0, machine.usableWorkerCount) }) {
            bandwidths[threads] = try modelOptions.bandwidth(
                workers: threads, pin: options.pin, beside: held, machine)
        }
        return bandwidths
    }

    /// One round with a profile.
    private func profile(
        threads: Int, batch: Int, _ input: Tensor, _ roofline: Roofline
    ) throws(EngineError) -> ProfileReport {
        let engine = try engine(for: ScalingRun(threads: threads, batch: batch))
        var report = ProfileReport(engine: engine, loaded: loaded, rows: batch, roofline: roofline)
        var output = try Tensor(shape: [batch, engine.outputShape.elementCount], subject: "output")
        try output.withMutableElements { (target) throws(EngineError) in
            try input.withElements { (source) throws(EngineError) in
                for _ in 0..<plan.warmup { try engine.score(rows: batch, input: source, output: target) }
                let start = Stopwatch.now
                var turns = 0
                repeat {
                    try Interrupts.shared.check()
                    try report.addTurn(input: source, output: target)
                    turns += 1
                } while turns < plan.iterations || Stopwatch.seconds(start, Stopwatch.now) < plan.seconds
            }
        }
        return report
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
