import Diagnostics

/// Moves an addition into the convolution that makes one of its terms. Where both terms are convolutions, the
/// more expensive one adds: the other's result is then ready when the long reduction ends.
struct FuseResidual: GraphPass {
    static let name = "fuse-residual"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard graph.nodes[index].operation is Add else {
                index += 1
                continue
            }
            switch host(in: graph, of: index) {
            case .into(let host):
                let sum = graph.nodes[index]
                let made = graph.nodes[host.index].output
                let residual = sum.inputs[0] == made ? sum.inputs[1] : sum.inputs[0]
                var convolution = host.operation
                convolution.addsResidual = true
                graph.nodes[host.index].operation = convolution
                graph.nodes[host.index].inputs.append(residual)
                report.note(Self.self, sum.name, absorbedBy: graph.nodes[host.index].name)
                // The residual may be made later than the host was: the host takes the addition's place.
                let moved = graph.nodes[host.index]
                graph.bypass(nodeAt: index, with: made)
                graph.nodes.insert(moved, at: index)
                graph.nodes.remove(at: host.index)
            case .none(let reason):
                report.note(graph.nodes[index].name, alone: "not fused: \(reason)")
                index += 1
            }
        }
    }

    /// The dearest convolution that makes a term for this addition alone and has nothing after it yet.
    private func host(in graph: Graph, of index: Int) -> Fusion<(index: Int, operation: Convolution2D)> {
        var best: (index: Int, operation: Convolution2D, flops: Int)?
        var reasons: [String] = []
        for edge in graph.nodes[index].inputs {
            let fusion = graph.host(of: edge, for: index) { node -> Fusion<Convolution2D> in
                guard let convolution = node.operation as? Convolution2D else {
                    return .none(reason: "\(node.title) before it is no convolution")
                }
                guard !convolution.addsResidual, !convolution.rectifies else {
                    return .none(reason: "\(node.title) before it ends with a residual or ReLU")
                }
                return .into(convolution)
            }
            switch fusion {
            case .into(let host):
                let flops = host.operation.cost(graph.inputShapes(of: graph.nodes[host.index])).flops
                if flops > best?.flops ?? -1 { best = (host.index, host.operation, flops) }
            case .none(let reason):
                if !reasons.contains(reason) { reasons.append(reason) }
            }
        }
        return best.map { .into(($0.index, $0.operation)) }
            ?? .none(reason: reasons.joined(separator: ", "))
    }
}
