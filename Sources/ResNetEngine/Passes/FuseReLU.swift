import Diagnostics

/// Moves a ReLU into the convolution or linear layer before it.
struct FuseReLU: GraphPass {
    static let name = "fuse-relu"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard graph.nodes[index].operation is ReLU else {
                index += 1
                continue
            }
            let fusion = graph.host(of: graph.nodes[index].inputs[0], for: index) { node in
                rectified(node.operation).map { .into($0) }
                    ?? .none(reason: "\(node.title) before it is no convolution or linear layer")
            }
            switch fusion {
            case .into(let host):
                graph.nodes[host.index].operation = host.operation
                report.note(Self.self, graph.nodes[index].name, absorbedBy: graph.nodes[host.index].name)
                graph.bypass(nodeAt: index, with: graph.nodes[host.index].output)
            case .none(let reason):
                report.note(graph.nodes[index].name, alone: "not fused: \(reason)")
                index += 1
            }
        }
    }

    private func rectified(_ operation: any Operation) -> (any Operation)? {
        if var convolution = operation as? Convolution2D {
            convolution.rectifies = true
            return convolution
        }
        if var linear = operation as? Linear {
            linear.rectifies = true
            return linear
        }
        return nil
    }
}
