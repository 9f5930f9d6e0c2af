/// A value that flows between nodes of a graph.
public struct Edge: Sendable, Hashable {
    let index: Int
}

/// One operation of a graph, its inputs and its one output.
public struct Node: Sendable {
    /// A path of the source network, unique in the graph: `make_layer.0.conv1`; a module applied again gets a
    /// suffix: `make_layer.0.bn#2`.
    public let name: String
    public internal(set) var operation: any Operation
    public internal(set) var inputs: [Edge]
    public internal(set) var output: Edge
}

/// A network as nodes in topological order, from one input to one output.
public struct Graph: Sendable {
    public let input: Edge
    public internal(set) var output: Edge
    public internal(set) var nodes: [Node] = []
    private var shapes: [FeatureShape]
    /// Edges that passes took away, and the edge that carries the same values now.
    private var replacements = EdgeMap<Edge>()

    init(inputShape: FeatureShape) {
        input = Edge(index: 0)
        output = input
        shapes = [inputShape]
    }

    public func shape(of edge: Edge) -> FeatureShape { shapes[edge.index] }

    /// All shapes of a node's inputs.
    public func inputShapes(of node: Node) -> [FeatureShape] { node.inputs.map(shape(of:)) }

    mutating func append(_ name: String, _ operation: any Operation, inputs: [Edge], shape: FeatureShape)
        -> Edge
    {
        let edge = Edge(index: shapes.count)
        shapes.append(shape)
        nodes.append(Node(name: name, operation: operation, inputs: inputs, output: edge))
        output = edge
        return edge
    }

    /// Puts a node before the one at `index`.
    mutating func insert(
        _ name: String, _ operation: any Operation, inputs: [Edge], shape: FeatureShape, at index: Int
    ) -> Edge {
        let edge = Edge(index: shapes.count)
        shapes.append(shape)
        nodes.insert(Node(name: name, operation: operation, inputs: inputs, output: edge), at: index)
        return edge
    }

    /// Removes a node and gives the readers of its output another edge of the same values.
    mutating func bypass(nodeAt index: Int, with edge: Edge) {
        let removed = nodes.remove(at: index).output
        for i in nodes.indices { nodes[i].inputs = nodes[i].inputs.map { $0 == removed ? edge : $0 } }
        if output == removed { output = edge }
        replacements[removed] = edge
    }

    /// The edge that carries the values of an edge of the graph before the passes.
    func current(_ edge: Edge) -> Edge {
        var edge = edge
        while let next = replacements[edge] { edge = next }
        return edge
    }

    /// Indices of the nodes that read the edge; the graph's own output counts as one more reader, index -1.
    func readers(of edge: Edge) -> [Int] {
        let readers = nodes.indices.filter { nodes[$0].inputs.contains(edge) }
        return edge == output ? readers + [-1] : readers
    }

    /// The index of the node that makes the edge, or `nil` for the graph's input.
    func producer(of edge: Edge) -> Int? { nodes.firstIndex { $0.output == edge } }

    /// Floating-point operations of one image.
    public var flops: Int { nodes.reduce(0) { $0 + $1.operation.cost(inputShapes(of: $1)).flops } }
}
