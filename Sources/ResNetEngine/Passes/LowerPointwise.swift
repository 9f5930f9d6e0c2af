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
                let fusion = graph.host(of: node.inputs[0], for: index) { node in
                    (node.operation as? ChannelAffineSum).map { .into($0) }
                        ?? .none(reason: "\(node.title) before it is no sum or normalisation")
                }
                switch fusion {
                case .into(let host):
                    var sum = host.operation
                    sum.rectifies = true
                    graph.nodes[host.index].operation = sum
                    report.note(Self.self, node.name, absorbedBy: graph.nodes[host.index].name)
                    graph.bypass(nodeAt: index, with: graph.nodes[host.index].output)
                    continue
                case .none(let reason):
                    report.note(node.name, alone: "not merged: \(reason)")
                    graph.nodes[index].operation = ChannelAffineSum(normalizations: [nil], rectifies: true)
                }
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
            let fusion = graph.host(of: edge, for: index) { node -> Fusion<ChannelAffineSum> in
                guard let inner = node.operation as? ChannelAffineSum else { return .none(reason: "") }
                if inner.rectifies { return .none(reason: "it ends with a ReLU") }
                return inner.normalizations.count == 1
                    ? .into(inner) : .none(reason: "it is a sum itself")
            }
            guard case .into(let host) = fusion else {
                normalizations.append(nil)
                if case .none(let reason) = fusion, !reason.isEmpty, let term = graph.producer(of: edge) {
                    report.note(graph.nodes[term].name, alone: "not merged into \(name): \(reason)")
                }
                continue
            }
            let (producer, inner) = (host.index, host.operation)
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
