import Foundation
import ResNetEngine

/// What the rounds say of one layer.
struct LayerResult: Encodable {
    let name: String
    let layer: String
    let kernel: String
    let isa: String
    let threads: Int
    let cold: Bool
    /// Median GFLOP/s of all threads together, of the best round.
    let gflops: Double
    /// Median share of the peak in the best round and in the median round; the fastest sample as a share of the highest
    /// peak.
    let share: Double
    let medianShare: Double
    let bestSample: Double
    /// Median GFLOP/s of the multiply-add loop, all threads together.
    let peakGflops: Double
    /// GFLOP/s of all threads at once as a share of the sum of what each did by itself right before: the median of the
    /// best round; 1 for one thread.
    let scaling: Double
    /// Samples of a round and thread.
    let samples: Int

    init(
        _ layer: ShapeFile.Layer, kernel: String, isa: ISALevel, cold: Bool,
        _ taken: [Team.Round]
    ) {
        let rounds = taken.map(\.together)
        name = layer.name
        self.layer = "\(layer.problem)"
        self.kernel = kernel
        self.isa = isa.rawValue
        self.cold = cold
        threads = rounds[0].count
        samples = rounds[0][0].count
        let shares = rounds.map { median($0.flatMap { $0.map(\.share) }) }
        share = shares.max() ?? 0
        medianShare = median(shares)
        bestSample =
            (rounds.joined().joined().map(\.gflops).max() ?? 0)
            / (rounds.joined().joined().map(\.peakGflops).max() ?? 1)
        gflops = rounds.map { $0.map { median($0.map(\.gflops)) }.reduce(0, +) }.max() ?? 0
        scaling = taken.map { median($0.scalings) }.max() ?? 0
        peakGflops = median(rounds.map { $0.map { median($0.map(\.peakGflops)) }.reduce(0, +) })
    }

    static let header =
        "\(pad("layer", -24))\(pad("GFLOP/s", 9))\(pad("best", 8))\(pad("median", 8))\(pad("sample", 8))"
        + "\(pad("scaling", 9))\(pad("peak", 8))  kernel"

    var line: String {
        "\(pad(name, -24))\(pad(String(format: "%.1f", gflops), 9))\(percent(share))\(percent(medianShare))"
            + "\(percent(bestSample))\(pad(String(format: "%.3f", scaling), 9))\(pad(String(format: "%.1f", peakGflops), 8))  \(kernel)"
    }

    private func percent(_ share: Double) -> String { pad(String(format: "%.1f%%", 100 * share), 8) }
}

extension Team.Round {
    /// For each sample, all threads' speed at once as a share of the sum of their speeds alone.
    fileprivate var scalings: [Double] {
        guard !alone[0].isEmpty else { return [1] }
        return together[0].indices.map { index in
            together.reduce(0) { $0 + $1[index].gflops } / alone.reduce(0) { $0 + $1[index].gflops }
        }
    }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// The text, filled with spaces to `width`, on the left if that is positive.
func pad(_ text: String, _ width: Int) -> String {
    let fill = String(repeating: " ", count: max(0, abs(width) - text.count))
    return width > 0 ? fill + text : text + fill
}
