import Diagnostics

/// Moves a maximum pooling into the convolution before it: a stem's map is the largest of the network, and never leaves
/// the cache that way.
///
/// That takes a direct kernel, which can run in bands of rows. Where Winograd's algorithm is expected to be faster, or
/// options choose or leave nothing but other kernels, the pooling stays apart.
struct FusePooling: GraphPass {
    static let name = "fuse-pooling"

    /// Those that may keep a pooling apart: others lose to what fusing gains.
    private let candidates: ConvolutionCandidates

    init(_ candidates: ConvolutionCandidates) {
        self.candidates = candidates.filtered {
            $0 is DirectCandidate || $0 is WinogradCandidate || candidates.filter.chooses($0.name)
        }
    }

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        var index = 0
        while index < graph.nodes.count {
            guard let pooling = graph.nodes[index].operation as? Pooling else {
                index += 1
                continue
            }
            switch host(in: graph, of: index, pooling) {
            case .into(let host):
                let made = graph.nodes[host.index]
                report.note(Self.self, graph.nodes[index].name, absorbedBy: made.name)
                graph.nodes[index] = Node(
                    name: made.name,
                    operation: PooledConvolution(convolution: host.operation, pooling: pooling),
                    inputs: made.inputs, output: graph.nodes[index].output)
                graph.nodes.remove(at: host.index)
            case .none(let reason):
                report.note(graph.nodes[index].name, alone: "not fused: \(reason)")
                index += 1
            }
        }
    }

    private func host(
        in graph: Graph, of index: Int, _ pooling: Pooling
    ) -> Fusion<(index: Int, operation: Convolution2D)> {
        guard pooling.kind == .maximum else { return .none(reason: "only maximum poolings are") }
        let edge = graph.nodes[index].inputs[0]
        return graph.host(of: edge, for: index) { node in
            guard let convolution = node.operation as? Convolution2D else {
                return .none(reason: "\(node.title) before it is no convolution")
            }
            if convolution.addsResidual { return .none(reason: "\(node.title) before it adds a residual") }
            if convolution.geometry.groups != 1 {
                return .none(reason: "\(node.title) before it has \(convolution.geometry.groups) groups")
            }
            let input = graph.shape(of: node.inputs[0])
            var layer = ConvolutionLayer(convolution.geometry, height: input.height, width: input.width)
            layer.isPlanar = layer.isPlanar && node.inputs[0] == graph.input
            (layer.hasBias, layer.rectifies) = (true, convolution.rectifies)
            guard let picked = try? candidates.choose(for: layer, node: "").candidate else {
                return .none(reason: "\(node.title) before it has no kernel")
            }
            guard picked is DirectCandidate, picked.numericClass == .direct else {
                return .none(reason: "\(node.title) before it runs by \(picked.name), which takes no bands")
            }
            return .into(convolution)
        }
    }
}
