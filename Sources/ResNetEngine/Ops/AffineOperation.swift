import Diagnostics
import Kernels
import Tensors

/// An operation whose result is an affine map of its inputs, image by image: a linear layer after it can be composed
/// with it.
protocol AffineOperation: Operation {
    /// Whether the map is affine with the attributes at hand.
    var isAffine: Bool { get }
    /// The composition `rows ∘ self`: for each input what to multiply it by. What the operation adds by itself goes to
    /// the constants of the first.
    ///
    /// - Parameters:
    ///   - rows: a linear layer that reads the operation's result.
    ///   - inputs: shapes of the operation's inputs.
    /// - Throws: `resource` where the memory is refused.
    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows]
}

extension Operation {
    /// The operation where it is one of this package's affine ones. They are named, since whether a type conforms to a
    /// protocol the system looks up among all conformances of the process, which takes longer than a small network's plan.
    var affine: (any AffineOperation)? {
        switch self {
        case let operation as Convolution2D: operation
        case let operation as Linear: operation
        case let operation as BatchNormalization: operation
        case let operation as Add: operation
        case let operation as Flatten: operation
        default: nil
        }
    }
}

/// What an operation composes itself with.
struct CompositionContext {
    let table: KernelTable
    let team: PreparationTeam
    /// What an error names.
    let node: String

    /// Numbers that a `RowSumCall` takes best at once.
    var stripLength: Int { 4 * table.lanes }
}

/// A linear layer in float64, on its way through the operations before it:
/// `y[o] = constants[o] + Σ_i rows[i][o] · x[i]`, the features `i` in `c h w` order.
struct AffineRows: Sendable {
    let outputs: Int
    /// Of the features.
    let shape: FeatureShape
    /// `[c h w][o]`, and room for the overhang of a `RowSumCall`.
    let values: AlignedBuffer<Double>
    var constants: [Double]

    /// The layer's shape alone, for one of which nothing is to be computed.
    init(blank outputs: Int, shape: FeatureShape) throws(EngineError) {
        self.outputs = outputs
        self.shape = shape
        values = try AlignedBuffer(count: 0)
        constants = []
    }

    /// Zeros.
    init(outputs: Int, shape: FeatureShape, node: String) throws(EngineError) {
        self.outputs = outputs
        self.shape = shape
        var count = ByteCount(subject: node)
        try count.add(shape.elementCount, outputs)
        try count.add(RowSumCall.overhang)
        values = try AlignedBuffer(count: count.bytes, subject: node)
        constants = [Double](repeating: 0, count: outputs)
    }

    init(_ layer: Linear, shape: FeatureShape, node: String) throws(EngineError) {
        try self.init(outputs: layer.outputs, shape: shape, node: node)
        let (inputs, outputs) = (layer.inputs, layer.outputs)
        layer.weight.withElements { weights in
            for i in 0..<inputs {
                for o in 0..<outputs { values.pointer[i * outputs + o] = Double(weights[o * inputs + i]) }
            }
        }
        layer.bias.withElements { for o in 0..<outputs { constants[o] = Double($0[o]) } }
    }

    private init(_ other: AffineRows, shape: FeatureShape, constants: [Double]) {
        outputs = other.outputs
        self.shape = shape
        values = other.values
        self.constants = constants
    }

    /// The results where all features of a channel have the same value.
    func constants(whereEachChannelIs features: [Double]) -> [Double] {
        var sums = constants
        let area = shape.height * shape.width
        for (c, feature) in features.enumerated() {
            var channel = [Double](repeating: 0, count: outputs)
            for at in c * area..<(c + 1) * area {
                for o in 0..<outputs { channel[o] += values.pointer[at * outputs + o] }
            }
            for o in 0..<outputs { sums[o] += channel[o] * feature }
        }
        return sums
    }

    /// The same rows for features of another shape in the same order.
    func reshaped(_ shape: FeatureShape) -> AffineRows {
        AffineRows(self, shape: shape, constants: constants)
    }

    /// The same rows, for a further term of a sum.
    var withoutConstants: AffineRows {
        AffineRows(self, shape: shape, constants: [Double](repeating: 0, count: outputs))
    }

    /// The layer, rounded once.
    func layer(node: String) throws(EngineError) -> Linear {
        let inputs = shape.elementCount
        var weight = try Tensor(shape: [outputs, inputs], subject: node)
        try weight.withMutableElements { weights throws(EngineError) in
            for i in 0..<inputs {
                for o in 0..<outputs { weights[o * inputs + i] = Float(values.pointer[i * outputs + o]) }
            }
        }
        var bias = try Tensor(shape: [outputs], subject: node)
        try bias.withMutableElements { biases throws(EngineError) in
            for o in 0..<outputs { biases[o] = Float(constants[o]) }
        }
        return try Linear(weight: weight, bias: bias, node: node)
    }
}

extension Flatten: AffineOperation {
    var isAffine: Bool { true }

    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows] {
        [rows.reshaped(inputs[0])]
    }
}

extension Add: AffineOperation {
    var isAffine: Bool { true }

    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows] {
        [rows, rows.withoutConstants]
    }
}

extension BatchNormalization: AffineOperation {
    var isAffine: Bool { mode == .running }

    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows] {
        var result = try AffineRows(outputs: rows.outputs, shape: rows.shape, node: context.node)
        let count = rows.shape.height * rows.shape.width * rows.outputs
        let maps = (0..<channels).map { runningAffine(channel: $0) }
        for c in 0..<channels {
            let source = rows.values.pointer + c * count
            for i in 0..<count { result.values.pointer[c * count + i] = source[i] * maps[c].scale }
        }
        result.constants = rows.constants(whereEachChannelIs: maps.map(\.shift))
        return [result]
    }
}

extension Linear: AffineOperation {
    var isAffine: Bool { !rectifies && !addsResidual }

    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows] {
        var result = try AffineRows(outputs: rows.outputs, shape: inputs[0], node: context.node)
        let (count, outputs) = (rows.outputs, self.outputs)
        let offsets = try AlignedBuffer<Int>(count: outputs, subject: context.node)
        let terms = try AlignedBuffer<Double>(count: outputs, subject: context.node)
        for h in 0..<outputs { offsets.pointer[h] = h * count }
        weight.withElements { weights in
            for i in 0..<self.inputs {
                for h in 0..<outputs { terms.pointer[h] = Double(weights[h * self.inputs + i]) }
                // What a row writes beyond its end, the next one overwrites.
                var call = RowSumCall(
                    source: rows.values.pointer, offsets: offsets.pointer, weights: terms.pointer,
                    terms: outputs, output: result.values.pointer + i * count, count: count)
                context.table.rowSum(&call)
            }
        }
        result.constants = rows.constants(whereEachChannelIs: bias.values.map(Double.init))
        return [result]
    }
}
