import Diagnostics

/// Lets a linear layer read the map itself: its weights are packed in the map's order.
struct AbsorbFlatten: GraphPass {
    static let name = "absorb-flatten"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        for index in graph.nodes.indices.reversed() where graph.nodes[index].operation is Flatten {
            let flatten = graph.nodes[index]
            let readers = graph.readers(of: flatten.output)
            guard !readers.isEmpty, readers.allSatisfy({ $0 >= 0 && graph.nodes[$0].operation is Linear })
            else { continue }
            report.note(Self.self, flatten.name, absorbedBy: graph.nodes[readers[0]].name)
            graph.bypass(nodeAt: index, with: flatten.inputs[0])
        }
    }
}
