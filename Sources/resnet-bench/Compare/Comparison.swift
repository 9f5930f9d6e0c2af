import CommandSupport
import ResNetEngine

/// What changed between two reports, beyond their noise.
struct Comparison {
    enum Verdict: String {
        case slower
        case faster
        case same
    }

    struct Row {
        let before: Measured.Item
        let after: Measured.Item
        /// Milliseconds of change that noise may account for.
        let threshold: Double

        var change: Double { after.milliseconds - before.milliseconds }
        var verdict: Verdict { change > threshold ? .slower : change < -threshold ? .faster : .same }
    }

    /// How many standard deviations of one round or batch, of both reports together, a change of the medians must exceed.
    /// Medians vary less by themselves; but what disturbs a whole report shows in none of its rounds.
    private static let deviations = 2.0
    /// The least change that counts, as a share of the time: two starts of one program differ by as much.
    private static let leastShare = 0.02
    /// The same as a share of all layers' mean time, for those that take next to none of the network's. Runs are no parts
    /// of one whole: each counts by itself.
    private static let leastShareOfMean = 0.02

    /// Items of both, in the order of the first report.
    let rows: [Row]
    let onlyBefore: [String]
    let onlyAfter: [String]

    init(_ before: Measured, _ after: Measured) {
        let later = Dictionary(after.items.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let sum = before.schema == ProfileReport.schema ? before.items.reduce(0) { $0 + $1.milliseconds } : 0
        let floor = Self.leastShareOfMean * sum / Double(max(before.items.count, 1))
        rows = before.items.compactMap { item in
            later[item.name].map { other in
                let noise = (item.deviation * item.deviation + other.deviation * other.deviation).squareRoot()
                let least = max(Self.leastShare * item.milliseconds, floor)
                return Row(before: item, after: other, threshold: max(Self.deviations * noise, least))
            }
        }
        let names = Set(rows.map(\.before.name))
        onlyBefore = before.items.map(\.name).filter { !names.contains($0) }
        onlyAfter = after.items.map(\.name).filter { !names.contains($0) }
    }

    /// The rows that changed, greatest change first.
    var movers: [Row] { rows.filter { $0.verdict != .same }.sorted { abs($0.change) > abs($1.change) } }
    var regressions: Int { rows.count { $0.verdict == .slower } }

    var text: String {
        var table = TextTable([
            ("", .left), ("before ms", .right), ("after ms", .right), ("change %", .right),
            ("noise ± %", .right), ("verdict", .left), ("kernel", .left),
        ])
        for row in movers {
            let kernels = [row.before.kernel, row.after.kernel]
            table.add([
                row.before.name, NumberText.fixed(row.before.milliseconds, 4),
                NumberText.fixed(row.after.milliseconds, 4), Self.percent(row.change, row),
                NumberText.fixed(100 * row.threshold / row.before.milliseconds, 1), row.verdict.rawValue,
                kernels[0] == kernels[1] ? kernels[0] : kernels.joined(separator: " → "),
            ])
        }
        var text = movers.isEmpty ? "" : table.text + "\n"
        for name in onlyBefore { text += "only before: \(name)\n" }
        for name in onlyAfter { text += "only after: \(name)\n" }
        let faster = movers.count - regressions
        return text + "\(rows.count) compared: \(regressions) slower, \(faster) faster, "
            + "\(rows.count - movers.count) within noise\n"
    }

    private static func percent(_ change: Double, _ row: Row) -> String {
        (change > 0 ? "+" : "") + NumberText.fixed(100 * change / row.before.milliseconds, 1)
    }
}
