/// What became of every node of the graph as it is written: who absorbed it, or why nothing did.
public struct FusionReport: Sendable {
    /// A node of the graph before any pass.
    public struct SourceNode: Sendable, Hashable {
        public let name: String
        /// `batch-normalization`.
        public let operation: String
        public fileprivate(set) var outcome: Outcome
    }

    public enum Outcome: Sendable, Hashable {
        /// Another node's step does its work.
        case absorbed(by: String, pass: String)
        /// It is a step of its own, for these reasons: one of each pass that might have absorbed it.
        case alone(reasons: [String])
    }

    /// All nodes of the source, in its order.
    public private(set) var nodes: [SourceNode]

    init(_ source: Graph) {
        nodes = source.nodes.map {
            SourceNode(
                name: $0.name, operation: $0.operation.identifier, outcome: .alone(reasons: []))
        }
    }

    mutating func note(_ pass: (some GraphPass).Type, _ node: String, absorbedBy host: String) {
        guard let index = nodes.firstIndex(where: { $0.name == node }) else { return }
        nodes[index].outcome = .absorbed(by: host, pass: pass.name)
    }

    /// Notes why a pass left a node where it was.
    mutating func note(_ node: String, alone reason: String) {
        guard let index = nodes.firstIndex(where: { $0.name == node }),
            case .alone(let reasons) = nodes[index].outcome, !reasons.contains(reason)
        else { return }
        nodes[index].outcome = .alone(reasons: reasons + [reason])
    }

    /// Gives nodes that no pass looked at the reason for that.
    mutating func finish() {
        for index in nodes.indices where nodes[index].outcome == .alone(reasons: []) {
            nodes[index].outcome = .alone(reasons: [
                "is a layer of its own: no pass moves a \(nodes[index].operation)"
            ])
        }
    }

    /// Names of the nodes that `host` absorbed, in order, theirs included.
    public func absorbed(by host: String) -> [String] {
        nodes.filter { if case .absorbed(host, _) = $0.outcome { true } else { false } }
            .flatMap { absorbed(by: $0.name) + [$0.name] }
    }
}
