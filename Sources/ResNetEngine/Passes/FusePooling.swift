import Diagnostics

/// Moves a maximum pooling into the convolution before it: a stem's map is the largest of the network, and never leaves
/// the cache that way.
///
/// Convolutions that Winograd's algorithm can compute gain more by that.
struct FusePooling: GraphPass {
    static let name = "fuse-pooling"

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard let pooling = graph.nodes[index].operation as? Pooling, pooling.kind == .maximum,
                let host = graph.soleProducer(of: graph.nodes[index].inputs[0], for: index),
                let convolution = graph.nodes[host].operation as? Convolution2D,
                !convolution.addsResidual, convolution.geometry.groups == 1,
                WinogradCandidate.rejection(convolution.geometry, isPlanar: false) != nil
            else {
                index += 1
                continue
            }
            let made = graph.nodes[host]
            report.note(Self.self, graph.nodes[index].name, absorbedBy: made.name)
            graph.nodes[index] = Node(
                name: made.name, operation: PooledConvolution(convolution: convolution, pooling: pooling),
                inputs: made.inputs, output: graph.nodes[index].output)
            graph.nodes.remove(at: host)
        }
    }
}
