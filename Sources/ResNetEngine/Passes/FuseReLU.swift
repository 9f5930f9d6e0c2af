import Diagnostics

/// Moves a ReLU into the convolution or linear layer before it.
struct FuseReLU: GraphPass {
    static let name = "fuse-relu"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard graph.nodes[index].operation is ReLU,
                let host = graph.soleProducer(of: graph.nodes[index].inputs[0], for: index),
                let rectified = rectified(graph.nodes[host].operation)
            else {
                index += 1
                continue
            }
            graph.nodes[host].operation = rectified
            report.note(Self.self, graph.nodes[index].name, absorbedBy: graph.nodes[host].name)
            graph.bypass(nodeAt: index, with: graph.nodes[host].output)
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
