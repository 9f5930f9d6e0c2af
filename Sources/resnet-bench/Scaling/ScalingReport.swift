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
    /// By number of threads that read, which are no more than usable workers.
    let bandwidths: [Int: BandwidthMeasurement]
    /// A batch of the greatest size on the most threads that have cores of their own.
    let profile: ProfileReport
    let throttling: Throttling?
    let parameters: Int
    let warnings: [EngineWarning]
    /// When the run ended, in UTC.
    let date: String

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

    var flopsPerImage: Int { runs.first?.flopsPerImage ?? 0 }

    /// The batch sizes, in order.
    var batches: [Int] {
        runs.reduce(into: []) { list, run in if list.last != run.batch { list.append(run.batch) } }
    }

    var fits: [ScalingFit] {
        batches.map { batch in
            ScalingFit(batch: batch, runs.filter { $0.batch == batch }, cores: machine.usableWorkerCount)
        }
    }

    /// Of the most threads.
    var bandwidth: BandwidthMeasurement? { bandwidths.values.max { $0.threads < $1.threads } }

    func bandwidth(_ run: ScalingRun) -> BandwidthMeasurement? {
        bandwidths[min(run.threads, machine.usableWorkerCount)]
    }

    /// The run that needs the most memory.
    var largestMemory: MemoryPrediction? {
        runs.compactMap(\.memory).max { $0.total < $1.total }
    }
}
