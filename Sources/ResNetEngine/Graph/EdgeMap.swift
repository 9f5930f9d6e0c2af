/// A value for each of some edges of a graph, in an array, since edges are numbered.
struct EdgeMap<Value> {
    private var values: [Value?] = []

    init() {}

    subscript(edge: Edge) -> Value? {
        get { edge.index < values.count ? values[edge.index] : nil }
        set {
            while values.count <= edge.index { values.append(nil) }
            values[edge.index] = newValue
        }
    }

    subscript(edge: Edge, default value: Value) -> Value { self[edge] ?? value }

    /// The edges that have a value, in the order of their numbers.
    var edges: [Edge] { values.indices.filter { values[$0] != nil }.map(Edge.init) }
}

extension EdgeMap: Sendable where Value: Sendable {}
