import Diagnostics

/// The order in which steps run: phase by phase, stage by stage, each phase in graph order.
struct StepSequence {
    enum Kind: Hashable {
        case input
        case node(Int)
        /// Per-image statistics of an edge, right after the step that makes it.
        case statistics(Edge)
        case output
    }

    struct Entry {
        var kind: Kind
        var phase: Int
        var takesGroups: Bool
        /// Counts stages through all phases.
        var stage = 0
    }

    private(set) var entries: [Entry] = []
    private(set) var lastPhase = 0

    /// - Throws: `badData` if an operation is left that has no step.
    init(_ graph: Graph) throws(EngineError) {
        var phases: [Edge: Int] = [graph.input: 0]
        var coupled: Set<Edge> = []
        var unsorted: [Entry] = []
        for (index, node) in graph.nodes.enumerated() {
            guard let operation = node.operation as? any PlannableOperation else {
                throw EngineError(
                    .badData, node.name, "operation \(node.operation.identifier)",
                    expected: "one that the planner knows")
            }
            var phase = 0
            for (position, edge) in node.inputs.enumerated() {
                let waits = (operation as? ChannelAffineSum)?.isBatchCoupled(input: position) ?? false
                if waits { coupled.insert(edge) }
                phase = max(phase, phases[edge, default: 0] + (waits ? 1 : 0))
            }
            phases[node.output] = phase
            unsorted.append(Entry(kind: .node(index), phase: phase, takesGroups: operation.wantsImageGroups))
        }
        lastPhase = phases.values.max() ?? 0

        for phase in 0...lastPhase {
            if phase == 0 {
                entries.append(Entry(kind: .input, phase: 0, takesGroups: false))
                if coupled.contains(graph.input) {
                    entries.append(Entry(kind: .statistics(graph.input), phase: 0, takesGroups: false))
                }
            }
            for entry in unsorted where entry.phase == phase {
                entries.append(entry)
                guard case .node(let index) = entry.kind else { continue }
                let made = graph.nodes[index].output
                if coupled.contains(made) {
                    entries.append(
                        Entry(kind: .statistics(made), phase: phase, takesGroups: entry.takesGroups))
                }
            }
        }
        let last = entries.last(where: { $0.phase == phases[graph.output] })
        entries.append(
            Entry(kind: .output, phase: lastPhase, takesGroups: last?.takesGroups ?? false))

        var stage = 0
        for index in entries.indices.dropFirst() {
            let (before, now) = (entries[index - 1], entries[index])
            if before.phase != now.phase || before.takesGroups != now.takesGroups { stage += 1 }
            entries[index].stage = stage
        }
    }
}
