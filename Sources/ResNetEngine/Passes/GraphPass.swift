import Diagnostics

/// A rewrite of the graph that keeps what it computes.
protocol GraphPass: Sendable {
    static var name: String { get }
    /// Rewrites the graph and notes what it did.
    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError)
}

/// The rewrites, in order.
enum GraphPasses {
    /// - Parameter candidates: for what depends on the kernel that a convolution gets.
    static func all(_ candidates: ConvolutionCandidates) -> [any GraphPass] {
        [
            FoldBatchNormalization(), FuseResidual(), FuseReLU(), FusePooling(candidates), LowerPointwise(),
            AbsorbFlatten(),
        ]
    }
}

/// What became of every source node: who absorbed it.
public struct FusionReport: Sendable {
    public struct Entry: Sendable, Hashable {
        /// The pass that did it.
        public let pass: String
        /// The node that went away.
        public let node: String
        /// The node that does its work now.
        public let absorbedBy: String
    }

    public private(set) var entries: [Entry] = []

    mutating func note(_ pass: (some GraphPass).Type, _ node: String, absorbedBy host: String) {
        entries.append(Entry(pass: pass.name, node: node, absorbedBy: host))
    }

    /// Names of the nodes that `host` absorbed, in order, theirs included.
    public func absorbed(by host: String) -> [String] {
        entries.filter { $0.absorbedBy == host }.flatMap { absorbed(by: $0.node) + [$0.node] }
    }
}

extension Graph {
    /// The node that makes the edge if `reader` is the only one who reads it.
    func soleProducer(of edge: Edge, for reader: Int) -> Int? {
        guard let producer = producer(of: edge), readers(of: edge) == [reader],
            nodes[reader].inputs.filter({ $0 == edge }).count == 1
        else { return nil }
        return producer
    }
}
