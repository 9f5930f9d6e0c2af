import CommandSupport

/// The laws of one batch size, and what could not be fitted.
struct ScalingFit {
    let batch: Int
    let laws: ScalingLaws
    /// Thread counts that are no points of a law: workers shared cores or threads.
    let leftOut: [Int]

    /// - Parameters:
    ///   - runs: of one batch size.
    ///   - cores: workers that each have a core.
    init(batch: Int, _ runs: [ScalingRun], cores: Int) {
        func counts(_ run: ScalingRun) -> Bool { run.threads <= cores && run.threadsObserved == run.threads }
        self.batch = batch
        laws = ScalingLaws(
            runs.filter(counts).map {
                ScalingLaws.Point(threads: $0.threads, speed: $0.imagesPerSecond)
            })
        leftOut = Set(runs.filter { !counts($0) }.map(\.threads)).sorted()
    }

    /// What can be said, and why not the rest.
    var lines: [String] {
        var lines: [String] = []
        if let law = laws.amdahl {
            let bound =
                law.contention > 0 ? "at most \(NumberText.fixed(1 / law.contention, 1)) ×" : "no bound"
            lines.append(
                """
                Amdahl: serial fraction \(NumberText.fixed(100 * law.contention, 2)) %, \(bound); \
                \(NumberText.fixed(law.rate, 1)) images/s of one worker, off by \
                \(NumberText.fixed(100 * law.error, 2)) % (rms)
                """)
        } else {
            lines.append("Amdahl: not fitted, \(counted) of \(ScalingLaws.amdahlCounts) thread counts needed")
        }
        if let law = laws.universal {
            let best = law.bestThreads.map { "most throughput at \(NumberText.fixed($0, 0)) workers" }
            lines.append(
                """
                Universal Scalability Law: contention \(NumberText.fixed(100 * law.contention, 2)) %, coherency \
                \(NumberText.fixed(100 * law.coherency, 4)) %, \(best ?? "no peak"); \
                \(NumberText.fixed(law.rate, 1)) images/s of one worker, off by \
                \(NumberText.fixed(100 * law.error, 2)) % (rms)
                """)
        } else {
            lines.append(
                "Universal Scalability Law: not fitted, \(counted) of \(ScalingLaws.universalCounts) thread "
                    + "counts needed")
        }
        if let fraction = laws.serialFraction, let first = laws.counts.first, let last = laws.counts.last {
            lines.append(
                "\(first) and \(last) threads by themselves imply a serial fraction of "
                    + "\(NumberText.fixed(100 * fraction, 2)) % (Karp-Flatt)")
        }
        if !leftOut.isEmpty {
            lines.append(
                "left out of the laws: \(leftOut.map(String.init).joined(separator: ", ")) threads, which shared "
                    + "cores or did not all run")
        }
        return lines
    }

    private var counted: String { "\(laws.counts.count)" }

    var json: JSONValue {
        .object([
            "batch": .integer(batch),
            "threads": .array(laws.counts.map(JSONValue.integer)),
            "left_out": .array(leftOut.map(JSONValue.integer)),
            "serial_fraction": JSONValue(laws.serialFraction),
            "amdahl": laws.amdahl.map {
                .object([
                    "serial_fraction": .number($0.contention), "images_per_s_per_worker": .number($0.rate),
                    "relative_error": .number($0.error),
                ])
            } ?? .null,
            "usl": laws.universal.map {
                .object([
                    "contention": .number($0.contention), "coherency": .number($0.coherency),
                    "images_per_s_per_worker": .number($0.rate), "relative_error": .number($0.error),
                    "best_threads": JSONValue($0.bestThreads),
                ])
            } ?? .null,
        ])
    }
}
