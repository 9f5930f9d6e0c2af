import Diagnostics

/// Folds a batch normalisation with running statistics into the convolution before it:
///
///     scale = weight / √(variance + ε),  W' = W · scale,  b' = (b − mean) · scale + bias
///
/// in float64, rounded once. The weights are multiplied when they are packed; each use of a shared normalisation gives
/// its convolution scales and a bias of its own.
struct FoldBatchNormalization: GraphPass {
    static let name = "fold-batch-normalization"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard let normalization = graph.nodes[index].operation as? BatchNormalization else {
                index += 1
                continue
            }
            switch host(in: graph, of: index, normalization) {
            case .into(let host):
                graph.nodes[host.index].operation = try host.operation.followed(
                    by: (0..<normalization.channels).map { normalization.runningAffine(channel: $0) })
                report.note(Self.self, graph.nodes[index].name, absorbedBy: graph.nodes[host.index].name)
                graph.bypass(nodeAt: index, with: graph.nodes[host.index].output)
            case .none(let reason):
                report.note(graph.nodes[index].name, alone: "not folded: \(reason)")
                index += 1
            }
        }
    }

    private func host(
        in graph: Graph, of index: Int, _ normalization: BatchNormalization
    ) -> Fusion<(index: Int, operation: Convolution2D)> {
        if normalization.mode == .batch {
            return .none(reason: "its statistics are the batch's own, known after the convolution")
        }
        return graph.host(of: graph.nodes[index].inputs[0], for: index) { node in
            guard let convolution = node.operation as? Convolution2D else {
                return .none(reason: "\(node.title) before it is no convolution")
            }
            guard !convolution.rectifies, !convolution.addsResidual else {
                return .none(reason: "\(node.title) before it ends with a residual or ReLU")
            }
            return .into(convolution)
        }
    }
}
