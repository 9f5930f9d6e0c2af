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
            guard let pooling = graph.nodes[index].operation as? Pooling, pooling.kind == .maximum,
                let host = graph.soleProducer(of: graph.nodes[index].inputs[0], for: index),
                let convolution = graph.nodes[host].operation as? Convolution2D,
                !convolution.addsResidual, convolution.geometry.groups == 1,
                runsInBands(convolution, graph.shape(of: graph.nodes[host].inputs[0]))
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

    /// Whether the kernel that the convolution would get can run in bands.
    private func runsInBands(_ convolution: Convolution2D, _ input: FeatureShape) -> Bool {
        let layer = ConvolutionLayer(convolution.geometry, height: input.height, width: input.width)
        let picked = try? candidates.choose(for: layer, node: "").candidate
        return picked is DirectCandidate && picked?.numericClass == .direct
    }
}
