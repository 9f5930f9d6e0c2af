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
            guard let normalization = graph.nodes[index].operation as? BatchNormalization,
                normalization.mode == .running,
                let host = graph.soleProducer(of: graph.nodes[index].inputs[0], for: index),
                let convolution = graph.nodes[host].operation as? Convolution2D,
                !convolution.rectifies, !convolution.addsResidual
            else {
                index += 1
                continue
            }
            graph.nodes[host].operation = try folded(convolution, normalization)
            report.note(Self.self, graph.nodes[index].name, absorbedBy: graph.nodes[host].name)
            graph.bypass(nodeAt: index, with: graph.nodes[host].output)
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
