/// A float64 tensor `n c h w`, row-major, for reference results. Not made to be fast.
public struct ReferenceTensor: Sendable {
    public let batch: Int
    public let shape: FeatureShape
    public var values: [Double]

    public init(batch: Int, shape: FeatureShape) {
        self.batch = batch
        self.shape = shape
        values = [Double](repeating: 0, count: batch * shape.elementCount)
    }

    public subscript(n: Int, c: Int, h: Int, w: Int) -> Double {
        get { values[((n * shape.channels + c) * shape.height + h) * shape.width + w] }
        set { values[((n * shape.channels + c) * shape.height + h) * shape.width + w] = newValue }
    }

    /// A tensor of the same extents, each element a function of this one's.
    func map(_ transform: (Double) -> Double) -> ReferenceTensor {
        var result = self
        result.values = values.map(transform)
        return result
    }
}

extension Graph {
    /// Runs the graph in float64 by the operations' definitions.
    ///
    /// - Parameter input: the images, of the graph's input shape.
    public func reference(_ input: ReferenceTensor) -> ReferenceTensor {
        var values = [self.input: input]
        for node in nodes {
            values[node.output] = node.operation.reference(node.inputs.compactMap { values[$0] })
        }
        return values[output] ?? input
    }
}
