import Diagnostics

/// Moves an addition into the convolution that makes one of its terms. Where both terms are convolutions, the
/// more expensive one adds: the other's result is then ready when the long reduction ends.
struct FuseResidual: GraphPass {
    static let name = "fuse-residual"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard graph.nodes[index].operation is Add, let host = host(in: graph, of: index),
                var convolution = graph.nodes[host].operation as? Convolution2D
            else {
                index += 1
                continue
            }
            let sum = graph.nodes[index]
            let made = graph.nodes[host].output
            let residual = sum.inputs[0] == made ? sum.inputs[1] : sum.inputs[0]
            convolution.addsResidual = true
            graph.nodes[host].operation = convolution
            graph.nodes[host].inputs.append(residual)
            report.note(Self.self, sum.name, absorbedBy: graph.nodes[host].name)
            // The residual may be made later than the host was: the host takes the addition's place.
            let moved = graph.nodes[host]
            graph.bypass(nodeAt: index, with: made)
            graph.nodes.insert(moved, at: index)
            graph.nodes.remove(at: host)
        }
    }

    /// The dearest convolution that makes a term for this addition alone and has nothing after it yet.
    private func host(in graph: Graph, of index: Int) -> Int? {
        let sum = graph.nodes[index]
        let candidates = sum.inputs.compactMap { graph.soleProducer(of: $0, for: index) }.filter {
            guard let convolution = graph.nodes[$0].operation as? Convolution2D else { return false }
            return !convolution.addsResidual && !convolution.rectifies
        }
        return candidates.max {
            let (left, right) = (graph.nodes[$0], graph.nodes[$1])
            return left.operation.cost(graph.inputShapes(of: left)).flops
                < right.operation.cost(graph.inputShapes(of: right)).flops
        }
    }
}
