import CAllocationCounter
import CommandSupport
import ResNetEngine

/// How long and how often each entry is measured.
struct TimingPlan {
    var warmup: Int
    /// Both must be met in every round.
    var iterations: Int
    var seconds: Double
    var rounds: Int
}

/// One entry of the report: a number of workers and a batch size, measured in several rounds.
struct ScalingRun {
    let threads: Int
    let batch: Int
    private(set) var rounds: [Round] = []
    /// Of the latest round's engine, the same in all.
    private(set) var memory: MemoryPrediction?
    private(set) var isPinned = false
    /// What became of the options' policy.
    private(set) var numa = NUMAPolicy.local
    private(set) var flopsPerImage = 0
    private(set) var peakResidentBytes: Int?
    /// The CPU on which each worker was last seen.
    private(set) var cpuPlacement: [Int] = []
    /// The most threads that worked on one batch.
    private(set) var threadsObserved = 0
    /// All threads that worked on any.
    private(set) var threadIdentifiers: Set<Int> = []
    /// The sums of the results' bits, one for all rounds unless something is wrong.
    private(set) var checksums: Set<UInt64> = []

    struct Round {
        let latency: LatencyStatistics
        let iterations: Int
        /// Over the timed batches only.
        let callerAllocations: UInt64
        let processAllocations: UInt64
        let cpuSeconds: Double
        let wallSeconds: Double
        let involuntarySwitches: Int
    }

    init(threads: Int, batch: Int) {
        self.threads = threads
        self.batch = batch
    }

    /// Measures another round on an engine prepared for this entry.
    mutating func measure(
        _ engine: Engine, _ plan: TimingPlan, input: UnsafeBufferPointer<Float>,
        output: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) {
        for _ in 0..<plan.warmup { try engine.score(rows: batch, input: input, output: output) }
        var latencies: [Double] = []
        latencies.reserveCapacity(min(plan.iterations, 4096))
        var callerAllocations: UInt64 = 0
        var processAllocations: UInt64 = 0
        let usage = ProcessState.usage
        let start = Stopwatch.now
        var end = start
        repeat {
            let thread = callocation_counter_thread()
            let process = callocation_counter_process()
            let begin = Stopwatch.now
            try engine.score(rows: batch, input: input, output: output)
            end = Stopwatch.now
            processAllocations += callocation_counter_process() &- process
            callerAllocations += callocation_counter_thread() &- thread
            latencies.append(Stopwatch.seconds(begin, end) * 1e3)
            observe(engine.workerRecords)
        } while latencies.count < plan.iterations || Stopwatch.seconds(start, end) < plan.seconds
        let after = ProcessState.usage
        rounds.append(
            Round(
                latency: LatencyStatistics(latencies), iterations: latencies.count,
                callerAllocations: callerAllocations, processAllocations: processAllocations,
                cpuSeconds: after.seconds - usage.seconds,
                wallSeconds: Stopwatch.seconds(start, Stopwatch.now),
                involuntarySwitches: after.involuntarySwitches - usage.involuntarySwitches))
        memory = engine.memory
        isPinned = engine.placement.isPinned
        numa = engine.numa
        flopsPerImage = engine.flopsPerImage
        peakResidentBytes = ProcessState.peakResidentBytes
        checksums.insert(Self.checksum(output))
    }

    private mutating func observe(_ records: [WorkerRecord]) {
        var identifiers: Set<Int> = []
        for record in records where record.images > 0 { identifiers.insert(record.thread) }
        threadsObserved = max(threadsObserved, identifiers.count)
        threadIdentifiers.formUnion(identifiers)
        cpuPlacement = records.map(\.cpu)
    }

    /// FNV-1a over the bits of the results.
    private static func checksum(_ values: UnsafeMutableBufferPointer<Float>) -> UInt64 {
        values.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01b3 }
    }
}

extension ScalingRun {
    var latency: LatencyStatistics { LatencyStatistics(rounds: rounds.map(\.latency)) }
    var iterations: Int { rounds.reduce(0) { $0 + $1.iterations } }
    /// From the median round.
    var imagesPerSecond: Double { latency.mean > 0 ? Double(batch) / latency.mean * 1e3 : 0 }
    var gflops: Double { imagesPerSecond * Double(flopsPerImage) * 1e-9 }
    /// Heap allocations of the whole process during one batch.
    var allocationsPerBatch: Double {
        Double(rounds.reduce(0) { $0 + $1.processAllocations }) / Double(max(1, iterations))
    }
    /// Those of the thread that asked for the batch.
    var callerAllocationsPerBatch: Double {
        Double(rounds.reduce(0) { $0 + $1.callerAllocations }) / Double(max(1, iterations))
    }
    /// CPUs kept busy, as a share of the workers.
    var cpuUtilization: Double {
        let wall = rounds.reduce(0) { $0 + $1.wallSeconds }
        return wall > 0 ? rounds.reduce(0) { $0 + $1.cpuSeconds } / wall / Double(threads) : 0
    }
    var involuntarySwitches: Int { rounds.reduce(0) { $0 + $1.involuntarySwitches } }
    /// How far rounds lie apart, as a share of the median.
    var spread: Double {
        let means = rounds.map(\.latency.mean)
        guard let least = means.min(), let most = means.max(), latency.mean > 0 else { return 0 }
        return (most - least) / latency.mean
    }
}
