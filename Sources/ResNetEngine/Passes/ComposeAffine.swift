import Diagnostics
import Kernels
import Tensors

/// Composes a linear layer with the affine operations before it, in float64 rounded once, where that lowers the cost:
/// after a sum of convolutions without ReLU the layer can read what they read. Of a sum each term gets a linear layer of
/// its own, which adds the one before it.
struct ComposeAffine: GraphPass {
    static let name = "compose-affine"

    private let table: KernelTable
    private let team: PreparationTeam
    private let isWanted: Bool
    private let isBlank: Bool

    /// - Parameters:
    ///   - isWanted: whether results may be rounded otherwise than the graph as it is written.
    ///   - isBlank: whether weights are zeros, of which nothing is to be computed.
    init(_ table: KernelTable, _ team: PreparationTeam, isWanted: Bool, isBlank: Bool) {
        self.table = table
        self.team = team
        self.isWanted = isWanted
        self.isBlank = isBlank
    }

    /// Operations of a convolution that take as long as one of a linear layer, whose weights come from memory for a few
    /// images.
    private static let linearFactor = 16.0

    /// What becomes of an edge that a linear layer reads.
    private indirect enum Composition {
        /// The layer reads the edge.
        case reads(Edge)
        /// The layer takes in the node that makes the edge, and goes on with its inputs.
        case through(Int, [Composition])
    }

    /// A linear layer that is to be.
    private struct Term {
        let edge: Edge
        let rows: AffineRows
        /// The node whose name it has.
        let node: Int
    }

    func run(_ graph: inout Graph, _ report: inout FusionReport) throws(EngineError) {
        guard isWanted, !graph.hasBatchStatistics else { return }
        // Those behind others first: they may take these in.
        for root in graph.nodes.filter({ $0.operation is Linear }).reversed() {
            guard let index = graph.producer(of: root.output),
                let linear = graph.nodes[index].operation as? Linear, linear.isAffine
            else { continue }
            let edge = root.inputs[0]
            let best = cheapest(edge, reader: index, graph, outputs: linear.outputs)
            guard case .through = best.composition else { continue }
            var terms: [Term] = []
            var consumed: [(node: Int, host: Int)] = []
            let (shape, node) = (graph.shape(of: edge), root.name)
            try collect(
                best.composition,
                isBlank
                    ? AffineRows(blank: linear.outputs, shape: shape)
                    : AffineRows(linear, shape: shape, node: node), host: index, graph, &terms, &consumed)
            try replace(&graph, index, terms, consumed, &report)
        }
    }

    /// The cheapest way to compute `outputs` features from an edge that only `reader` reads, its affine producers counted.
    private func cheapest(
        _ edge: Edge, reader: Int, _ graph: Graph, outputs: Int
    ) -> (cost: Double, composition: Composition) {
        let reading = Self.linearFactor * 2 * Double(outputs) * Double(graph.shape(of: edge).elementCount)
        guard let index = affineProducer(of: edge, reader, graph) else { return (reading, .reads(edge)) }
        let apart = reading + separateCost(edge, reader, graph)
        let inputs = graph.nodes[index].inputs.map {
            cheapest($0, reader: index, graph, outputs: outputs)
        }
        let through = inputs.reduce(0) { $0 + $1.cost }
        return through < apart
            ? (through, .through(index, inputs.map(\.composition))) : (apart, .reads(edge))
    }

    /// The cost of an edge's affine producers as they are.
    private func separateCost(_ edge: Edge, _ reader: Int, _ graph: Graph) -> Double {
        guard let index = affineProducer(of: edge, reader, graph) else { return 0 }
        let node = graph.nodes[index]
        return Double(node.operation.cost(graph.inputShapes(of: node)).flops)
            + node.inputs.reduce(0) { $0 + separateCost($1, index, graph) }
    }

    private func affineProducer(of edge: Edge, _ reader: Int, _ graph: Graph) -> Int? {
        guard let index = graph.soleProducer(of: edge, for: reader),
            let operation = graph.nodes[index].operation.affine, operation.isAffine
        else { return nil }
        return index
    }

    /// Carries the rows down to the edges that are read.
    ///
    /// - Parameter host: the node whose name the term has. The first term of a sum keeps it, another one has that of the
    ///   node that it takes in first, or of the sum itself.
    private func collect(
        _ composition: Composition, _ rows: AffineRows, host: Int, _ graph: Graph,
        _ terms: inout [Term], _ consumed: inout [(node: Int, host: Int)]
    ) throws(EngineError) {
        switch composition {
        case .reads(let edge): terms.append(Term(edge: edge, rows: rows, node: host))
        case .through(let index, let inputs):
            let node = graph.nodes[index]
            guard let operation = node.operation.affine else { return }
            if host != index { consumed.append((index, host)) }
            let parts = try composed(operation, rows, inputs: graph.inputShapes(of: node), node: node.name)
            for (position, part) in parts.enumerated() {
                var own = position == 0 ? host : index
                if position > 0, case .through(let next, _) = inputs[position] { own = next }
                try collect(inputs[position], part, host: own, graph, &terms, &consumed)
            }
        }
    }

    /// For each input of an operation what to multiply it by.
    private func composed(
        _ operation: any AffineOperation, _ rows: AffineRows, inputs: [FeatureShape], node: String
    ) throws(EngineError) -> [AffineRows] {
        guard isBlank else {
            return try operation.composed(
                rows, inputs: inputs, CompositionContext(table: table, team: team, node: node))
        }
        var parts: [AffineRows] = []
        for shape in inputs { parts.append(try AffineRows(blank: rows.outputs, shape: shape)) }
        return parts
    }

    /// Puts the terms in the linear layer's place: it is the first of them and adds the others.
    private func replace(
        _ graph: inout Graph, _ index: Int, _ terms: [Term], _ consumed: [(node: Int, host: Int)],
        _ report: inout FusionReport
    ) throws(EngineError) {
        let root = graph.nodes[index]
        let named = terms.map(\.node)
        for (node, host) in consumed where !named.contains(node) {
            report.note(Self.self, graph.nodes[node].name, absorbedBy: graph.nodes[host].name)
        }
        let names = terms.map { graph.nodes[$0.node].name }
        let gone = (consumed.map(\.node) + named).filter { $0 != index }
        let goneEdges = gone.map { graph.nodes[$0].output }
        graph.nodes.removeAll { goneEdges.contains($0.output) }
        var sum: Edge?
        for (term, name) in zip(terms, names).reversed() {
            var layer =
                isBlank
                ? try Linear(
                    weight: Tensor(shape: [term.rows.outputs, term.rows.shape.elementCount], subject: name),
                    bias: Tensor(shape: [term.rows.outputs], subject: name), node: name)
                : try term.rows.layer(node: name)
            layer.addsResidual = sum != nil
            let inputs = [term.edge] + (sum.map { [$0] } ?? [])
            guard let place = graph.producer(of: root.output) else { return }
            if name == root.name {
                graph.nodes[place].operation = layer
                graph.nodes[place].inputs = inputs
            } else {
                report.note(name, alone: "composed with \(root.name): it computes a term of that layer")
                sum = graph.insert(
                    name, layer, inputs: inputs, shape: graph.shape(of: root.output), at: place)
            }
        }
    }
}

extension Graph {
    /// Whether a normalisation takes its statistics from the batch.
    fileprivate var hasBatchStatistics: Bool {
        nodes.contains { ($0.operation as? BatchNormalization)?.mode == .batch }
    }
}
