import CommandSupport
import ResNetEngine

/// What was counted besides time, in all forms of a profile.
struct CounterColumns {
    let supported: [PerformanceEvent]
    let refused: [PerformanceEvent.Refusal]

    init(_ events: (supported: [PerformanceEvent], refused: [PerformanceEvent.Refusal])) {
        (supported, refused) = events
    }

    /// One line: what is counted, and why not the rest.
    var text: String {
        let counted = supported.map(\.rawValue).joined(separator: ", ")
        var reasons: [(reason: String, events: [String])] = []
        for refusal in refused {
            if let index = reasons.firstIndex(where: { $0.reason == refusal.reason }) {
                reasons[index].events.append(refusal.event.rawValue)
            } else {
                reasons.append((refusal.reason, [refusal.event.rawValue]))
            }
        }
        let missing = reasons.map { "no \($0.events.joined(separator: ", ")): \($0.reason)" }
        return ([counted.isEmpty ? "none" : "\(counted) of user code, an image"] + missing)
            .joined(separator: "; ")
    }

    var headers: [(header: String, alignment: TextTable.Alignment)] {
        supported.map { (Self.title(of: $0), .right) }
    }

    func cells(_ layer: NetworkProfile.Layer) -> [String] {
        supported.map { event in
            let count = layer.counts[event] ?? 0
            return switch event {
            case .taskClock: NumberText.fixed(count / 1e6, 4)
            case .cycles, .instructions, .l2Misses, .l3Misses: NumberText.fixed(count / 1e3, 1)
            case .pageFaults: NumberText.fixed(count, 2)
            }
        }
    }

    private static func title(of event: PerformanceEvent) -> String {
        switch event {
        case .cycles: "kcycles"
        case .instructions: "kinstr"
        case .l2Misses: "L2 kmisses"
        case .l3Misses: "L3 kmisses"
        case .taskClock: "CPU ms"
        case .pageFaults: "faults"
        }
    }

    var json: JSONValue {
        .object([
            "events": .array(supported.map { .string($0.rawValue) }),
            "missing": .array(
                refused.map {
                    .object(["event": .string($0.event.rawValue), "reason": .string($0.reason)])
                }),
        ])
    }

    /// An image's counts of a layer.
    func json(_ layer: NetworkProfile.Layer) -> JSONValue {
        .object(
            Dictionary(
                uniqueKeysWithValues: supported.map { ($0.rawValue, .number(layer.counts[$0] ?? 0)) }))
    }
}
