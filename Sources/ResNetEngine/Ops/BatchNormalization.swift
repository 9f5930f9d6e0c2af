import Diagnostics
import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Which statistics batch normalisation uses.
public enum BatchNormalizationMode: String, Sendable, CaseIterable {
    /// The running mean and variance: inference.
    case running
    /// Mean and biased variance of the batch itself: PyTorch's training-mode forward. Couples the rows of a
    /// batch and updates the running statistics.
    case batch
}

/// Batch normalisation over `n h w` (Ioffe and Szegedy 2015):
///
///     y[c] = (x[c] − mean[c]) / √(variance[c] + epsilon) · weight[c] + bias[c]
public struct BatchNormalization: Operation {
    public var identifier: String { "batch-normalization" }
    public var version: Int { 1 }

    /// Path of the module that holds the statistics; several operations may share it.
    public let module: String
    public let mode: BatchNormalizationMode
    public let epsilon: Double
    /// Share of the new batch in the running statistics.
    public let momentum: Double
    /// `c` each.
    public let weight: Tensor
    public let bias: Tensor
    public let runningMean: Tensor
    public let runningVariance: Tensor

    /// - Throws: `badData` naming `module` unless all tensors have one shape `[c]`.
    public init(
        module: String, mode: BatchNormalizationMode, epsilon: Double, momentum: Double, weight: Tensor,
        bias: Tensor, runningMean: Tensor, runningVariance: Tensor
    ) throws(EngineError) {
        for tensor in [bias, runningMean, runningVariance] {
            guard tensor.shape == weight.shape, weight.shape.rank == 1 else {
                throw EngineError(
                    .badData, module, "parameter of shape \(tensor.shape)", expected: "\(weight.shape)")
            }
        }
        self.module = module
        self.mode = mode
        self.epsilon = epsilon
        self.momentum = momentum
        self.weight = weight
        self.bias = bias
        self.runningMean = runningMean
        self.runningVariance = runningVariance
    }

    public var channels: Int { weight.elementCount }

    /// The map `y = x · scale + shift` of one channel under these statistics.
    func affine(channel: Int, mean: Double, variance: Double) -> (scale: Double, shift: Double) {
        let scale = weight.withElements { Double($0[channel]) } / sqrt(variance + epsilon)
        return (scale, bias.withElements { Double($0[channel]) } - mean * scale)
    }

    /// The map of one channel under the running statistics.
    func runningAffine(channel: Int) -> (scale: Double, shift: Double) {
        affine(
            channel: channel, mean: runningMean.withElements { Double($0[channel]) },
            variance: runningVariance.withElements { Double($0[channel]) })
    }

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 1, inputs[0].channels == channels else {
            throw EngineError(.badData, node, "inputs \(inputs)", expected: "one of \(channels) channels")
        }
        return inputs[0]
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        Cost(flops: inputs.reduce(0) { $0 + 2 * $1.elementCount }, parameterBytes: 16 * channels)
    }

    public var accuracy: AccuracyClass { .rounding }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        let x = inputs[0]
        var y = x
        let area = Double(x.batch * x.shape.height * x.shape.width)
        for c in 0..<channels {
            var (scale, shift) = runningAffine(channel: c)
            if mode == .batch {
                var (sum, squares) = (0.0, 0.0)
                x.forEach(channel: c) { sum += $0 }
                x.forEach(channel: c) { squares += ($0 - sum / area) * ($0 - sum / area) }
                (scale, shift) = affine(channel: c, mean: sum / area, variance: squares / area)
            }
            for n in 0..<x.batch {
                for h in 0..<x.shape.height {
                    for w in 0..<x.shape.width { y[n, c, h, w] = x[n, c, h, w] * scale + shift }
                }
            }
        }
        return y
    }
}

extension ReferenceTensor {
    func forEach(channel: Int, _ body: (Double) -> Void) {
        for n in 0..<batch {
            for h in 0..<shape.height {
                for w in 0..<shape.width { body(self[n, channel, h, w]) }
            }
        }
    }
}
