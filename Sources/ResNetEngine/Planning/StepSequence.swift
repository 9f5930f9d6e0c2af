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
        /// Images that the step takes at once, a power of two: never fewer than a step before it in the phase.
        var images = 1
        /// Counts stages through all phases.
        var stage = 0
    }

    private(set) var entries: [Entry] = []
    private(set) var lastPhase = 0

    /// - Parameters:
    ///   - graph: as the passes have rewritten it.
    ///   - microBatch: images that any step takes at once at least.
    /// - Throws: `badData` if an operation is left that has no step.
    init(_ graph: Graph, microBatch: Int = 1) throws(EngineError) {
        var phases = EdgeMap<Int>()
        var coupled = EdgeMap<Bool>()
        var unsorted: [Entry] = []
        for (index, node) in graph.nodes.enumerated() {
            guard let operation = node.operation.plannable else {
                throw EngineError(
                    .badData, node.name, "operation \(node.operation.identifier)",
                    expected: "one that the planner knows")
            }
            var phase = 0
            for (position, edge) in node.inputs.enumerated() {
                let waits = (operation as? ChannelAffineSum)?.isBatchCoupled(input: position) ?? false
                if waits { coupled[edge] = true }
                phase = max(phase, phases[edge, default: 0] + (waits ? 1 : 0))
            }
            phases[node.output] = phase
            lastPhase = max(lastPhase, phase)
            unsorted.append(
                Entry(
                    kind: .node(index), phase: phase,
                    images: Self.powerOfTwo(operation.imagesAtOnce(output: graph.shape(of: node.output)))))
        }

        for phase in 0...lastPhase {
            if phase == 0 {
                entries.append(Entry(kind: .input, phase: 0))
                if coupled[graph.input] == true {
                    entries.append(Entry(kind: .statistics(graph.input), phase: 0))
                }
            }
            for entry in unsorted where entry.phase == phase {
                entries.append(entry)
                guard case .node(let index) = entry.kind else { continue }
                let made = graph.nodes[index].output
                if coupled[made] == true {
                    entries.append(
                        Entry(kind: .statistics(made), phase: phase))
                }
            }
        }
        entries.append(Entry(kind: .output, phase: lastPhase))

        let least = Self.powerOfTwo(microBatch)
        for index in entries.indices {
            let before = index == 0 ? nil : entries[index - 1]
            let isSamePhase = before?.phase == entries[index].phase
            entries[index].images = max(entries[index].images, isSamePhase ? before?.images ?? least : least)
            let isSameStage = isSamePhase && before?.images == entries[index].images
            entries[index].stage = before.map { isSameStage ? $0.stage : $0.stage + 1 } ?? 0
        }
    }

    /// The largest power of two that is not above a positive number.
    private static func powerOfTwo(_ count: Int) -> Int {
        1 << (Int.bitWidth - 1 - max(count, 1).leadingZeroBitCount)
    }
}
