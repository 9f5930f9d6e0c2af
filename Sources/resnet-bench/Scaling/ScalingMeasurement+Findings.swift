import CommandSupport
import ResNetEngine

/// What disturbs the figures, as far as it can be seen.
extension ScalingMeasurement {
    func noteLoad() {
        guard let load = ProcessState.loadAverage, load > 0.5 * Double(machine.usableWorkerCount) else {
            return
        }
        let message =
            "load average \(NumberText.fixed(load, 2)) before the run: other work may disturb the figures"
        console.warn(EngineWarning("machine-busy", message))
    }

    func note(_ runs: [ScalingRun], _ throttling: Throttling?) {
        if let throttling, throttling.periods > 0 {
            let message =
                "the CPU quota stopped this control group in \(throttling.periods) periods of the run"
            console.warn(EngineWarning("throttled", message))
        }
        for run in runs where run.spread > 0.1 {
            let message = """
                rounds with \(run.threads) thread\(run.threads == 1 ? "" : "s"), batch \(run.batch) lie \
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

    /// The clock, or a neighbour on the same core.
    func note(firstPeak: Double, lastPeak: Double) {
        let change = lastPeak / firstPeak - 1
        guard abs(change) > 0.05 else { return }
        let message = """
            the FMA peak went from \(NumberText.fixed(firstPeak, 1)) to \(NumberText.fixed(lastPeak, 1)) GFLOP/s \
            during the run: the clock changed, or other work shares the core
            """
        console.warn(EngineWarning("peak-drift", message))
    }

    /// - Parameters:
    ///   - stolen: seconds in which an allowed CPU wanted to run and the host ran something else.
    ///   - seconds: how long the run took.
    func note(stolen: Double, of seconds: Double) {
        let share = stolen / max(seconds * Double(machine.allowed.count), 1e-9)
        guard share > 0.01 else { return }
        let message =
            "the host ran other work for \(NumberText.fixed(100 * share, 1)) % of the CPUs' time (steal)"
        console.warn(EngineWarning("stolen", message))
    }
}
