import Diagnostics

/// Turns the batch normalisations, additions and ReLUs that are left into `ChannelAffineSum`s and merges chains
/// of them: two normalisations, their sum and a ReLU become one pass over memory.
struct LowerPointwise: GraphPass {
    static let name = "lower-pointwise"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            let node = graph.nodes[index]
            switch node.operation {
            case let normalization as BatchNormalization:
                graph.nodes[index].operation = ChannelAffineSum(normalizations: [normalization])
            case is Add:
                index = lowerAddition(&graph, index, &report)
            case is ReLU:
                if let host = graph.soleProducer(of: node.inputs[0], for: index),
                    var sum = graph.nodes[host].operation as? ChannelAffineSum
                {
                    sum.rectifies = true
                    graph.nodes[host].operation = sum
                    report.note(Self.self, node.name, absorbedBy: graph.nodes[host].name)
                    graph.bypass(nodeAt: index, with: graph.nodes[host].output)
                    continue
                }
                graph.nodes[index].operation = ChannelAffineSum(normalizations: [nil], rectifies: true)
            default: break
            }
            index += 1
        }
    }

    /// Makes the addition a sum that takes in each term's own normalisation where no one else needs it.
    ///
    /// - Returns: where the sum stands now that nodes before it are gone.
    private func lowerAddition(_ graph: inout Graph, _ index: Int, _ report: inout FusionReport) -> Int {
        var index = index
        let name = graph.nodes[index].name
        var normalizations: [BatchNormalization?] = []
        for term in graph.nodes[index].inputs.indices {
            let edge = graph.nodes[index].inputs[term]
            guard let producer = graph.soleProducer(of: edge, for: index),
                let inner = graph.nodes[producer].operation as? ChannelAffineSum,
                inner.normalizations.count == 1, !inner.rectifies
            else {
                normalizations.append(nil)
                continue
            }
            normalizations.append(inner.normalizations[0])
            report.note(Self.self, graph.nodes[producer].name, absorbedBy: name)
            graph.nodes[index].inputs[term] = graph.nodes[producer].inputs[0]
            graph.nodes.remove(at: producer)
            index -= 1
        }
        graph.nodes[index].operation = ChannelAffineSum(normalizations: normalizations)
        return index
    }
}
