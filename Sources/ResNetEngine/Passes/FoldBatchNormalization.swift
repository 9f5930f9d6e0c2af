import Diagnostics
import Tensors

/// Folds a batch normalisation with running statistics into the convolution before it:
///
///     scale = weight / √(variance + ε),  W' = W · scale,  b' = (b − mean) · scale + bias
///
/// in float64, rounded once. Each use of a shared normalisation gives its convolution new tensors of its own.
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
                graph.nodes[host.index].operation = try folded(host.operation, normalization)
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

    private func folded(
        _ convolution: Convolution2D, _ normalization: BatchNormalization
    ) throws(EngineError) -> Convolution2D {
        var result = convolution
        let channels = convolution.geometry.outputChannels
        let maps = (0..<channels).map { normalization.runningAffine(channel: $0) }
        try result.weight.withMutableElements { weights throws(EngineError) in
            let taps = weights.count / channels
            for i in weights.indices { weights[i] = Float(Double(weights[i]) * maps[i / taps].scale) }
        }
        try result.bias.withMutableElements { biases throws(EngineError) in
            for k in biases.indices { biases[k] = Float(Double(biases[k]) * maps[k].scale + maps[k].shift) }
        }
        return result
    }
}
