import CommandSupport

/// How long batches took, in milliseconds.
struct LatencyStatistics {
    var min: Double
    var mean: Double
    var p50: Double
    var p90: Double
    var p95: Double
    var p99: Double
    var max: Double

    /// - Parameter sample: not empty; percentiles between two values are interpolated.
    init(_ sample: [Double]) {
        let sorted = sample.sorted()
        func percentile(_ share: Double) -> Double {
            guard let last = sorted.last else { return 0 }
            let position = share * Double(sorted.count - 1)
            let index = Int(position)
            guard index + 1 < sorted.count else { return last }
            return sorted[index] + (sorted[index + 1] - sorted[index]) * (position - Double(index))
        }
        min = sorted.first ?? 0
        mean = sorted.reduce(0, +) / Double(Swift.max(1, sorted.count))
        p50 = percentile(0.5)
        p90 = percentile(0.9)
        p95 = percentile(0.95)
        p99 = percentile(0.99)
        max = sorted.last ?? 0
    }

    /// The median of each figure over rounds, but the least and greatest of all.
    init(rounds: [LatencyStatistics]) {
        min = rounds.map(\.min).min() ?? 0
        mean = median(rounds.map(\.mean))
        p50 = median(rounds.map(\.p50))
        p90 = median(rounds.map(\.p90))
        p95 = median(rounds.map(\.p95))
        p99 = median(rounds.map(\.p99))
        max = rounds.map(\.max).max() ?? 0
    }

    var json: JSONValue {
        .object([
            "min": .number(min), "mean": .number(mean), "p50": .number(p50), "p90": .number(p90),
            "p95": .number(p95), "p99": .number(p99), "max": .number(max),
        ])
    }
}

/// The middle value, or the mean of the middle two; 0 for none.
func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// How far values lie from their median: 1.4826 times the median distance, which is the standard deviation of a normal
/// distribution. Less than half of them, however far off, do not carry it away.
func deviation(_ values: [Double]) -> Double {
    let center = median(values)
    return 1.4826 * median(values.map { abs($0 - center) })
}
