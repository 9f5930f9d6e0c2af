import Diagnostics

/// Lets a linear layer read the map itself: its weights are packed in the map's order.
struct AbsorbFlatten: GraphPass {
    static let name = "absorb-flatten"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        for index in graph.nodes.indices.reversed() where graph.nodes[index].operation is Flatten {
            let flatten = graph.nodes[index]
            let readers = graph.readers(of: flatten.output)
            if let other = readers.first(where: { $0 < 0 || !(graph.nodes[$0].operation is Linear) }) {
                let reader = other < 0 ? "it is the network's result" : "\(graph.nodes[other].title) reads it"
                report.note(flatten.name, alone: "not absorbed: \(reader)")
                continue
            }
            guard !readers.isEmpty else { continue }
            report.note(Self.self, flatten.name, absorbedBy: graph.nodes[readers[0]].name)
            graph.bypass(nodeAt: index, with: flatten.inputs[0])
        }
    }
}
