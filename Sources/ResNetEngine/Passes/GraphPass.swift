import Diagnostics
import Kernels

/// A rewrite of the graph that keeps what it computes.
protocol GraphPass: Sendable {
    static var name: String { get }
    /// Rewrites the graph and notes what it did.
    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError)
}

/// The rewrites, in order.
enum GraphPasses {
    /// - Parameters:
    ///   - candidates: for what depends on the kernel that a convolution gets.
    ///   - table: for what is computed here, by `team`.
    ///   - isBlank: whether all weights are zeros, of which nothing is to be computed.
    static func all(
        _ candidates: ConvolutionCandidates, _ table: KernelTable, _ team: PreparationTeam,
        isBlank: Bool = false
    ) -> [any GraphPass] {
        [
            FoldBatchNormalization(),
            ComposeAffine(table, team, isWanted: !candidates.exact, isBlank: isBlank),
            FuseResidual(), FuseReLU(), FusePooling(candidates), LowerPointwise(), AbsorbFlatten(),
        ]
    }
}

/// A graph as it is written, and as the passes have rewritten it.
struct RewrittenGraph {
    let source: Graph
    private(set) var graph: Graph
    private(set) var fusions: FusionReport

    /// - Parameters: as those of ``GraphPasses/all(_:_:_:isBlank:)``.
    init(
        _ source: Graph, _ candidates: ConvolutionCandidates, _ table: KernelTable, _ team: PreparationTeam,
        isBlank: Bool = false
    ) throws(EngineError) {
        self.source = source
        graph = source
        fusions = FusionReport(source)
        for pass in GraphPasses.all(candidates, table, team, isBlank: isBlank) {
            try pass.run(&graph, &fusions)
        }
        fusions.finish()
    }
}

/// Whether a pass can move a node into another one.
enum Fusion<Host> {
    case into(Host)
    /// It cannot, and why; empty for what was none of the pass's business.
    case none(reason: String)
}

extension Graph {
    /// The node that makes the edge if `reader` is the only one who reads it.
    func soleProducer(of edge: Edge, for reader: Int) -> Int? {
        guard let producer = producer(of: edge), readers(of: edge) == [reader],
            nodes[reader].inputs.filter({ $0 == edge }).count == 1
        else { return nil }
        return producer
    }

    /// The node that makes the edge, with what `accept` says of it, if `reader` is the only one who reads it.
    func host<Operation>(
        of edge: Edge, for reader: Int, _ accept: (Node) -> Fusion<Operation>
    ) -> Fusion<(index: Int, operation: Operation)> {
        guard let index = producer(of: edge) else { return .none(reason: "it reads the network's input") }
        switch accept(nodes[index]) {
        case .none(let reason): return .none(reason: reason)
        case .into(let operation):
            if soleProducer(of: edge, for: reader) != nil { return .into((index, operation)) }
            // Who reads it twice counts twice, and so does the caller of the network.
            let consumers = nodes.reduce(edge == output ? 1 : 0) { sum, node in
                sum + node.inputs.filter { $0 == edge }.count
            }
            return .none(reason: "the output of \(nodes[index].name) has \(consumers) consumers")
        }
    }
}

extension Node {
    /// The node with its kind, for reports: `the convolution conv1`.
    var title: String { "the \(operation.identifier) \(name)" }
}
