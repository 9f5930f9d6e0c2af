import Diagnostics
import Kernels
import Tensors

extension Convolution2D {
    /// The filters from `firstOutput` on, of a convolution or of a bundle of its groups with `count` output channels.
    func withFilters<R>(
        from firstOutput: Int, count: Int, _ body: (FilterBank) throws(EngineError) -> R
    ) throws(EngineError) -> R {
        let scales = self.scales ?? [Double](repeating: 1, count: geometry.outputChannels)
        let size = weight.elementCount / geometry.outputChannels
        return try weight.withElements { weights throws(EngineError) in
            try scales.withUnsafeBufferPointer { scales throws(EngineError) in
                guard let weights = weights.baseAddress, let scales = scales.baseAddress else {
                    throw EngineError(.internalError, "convolution", "no filters")
                }
                return try body(
                    FilterBank(
                        weights: weights + firstOutput * size, scales: scales + firstOutput, count: count,
                        size: size, groupCount: geometry.outputChannels / geometry.groups))
            }
        }
    }

    /// What a weight of output channel `k` is multiplied by.
    func scale(_ k: Int) -> Double { scales?[k] ?? 1 }

    /// The convolution with each output channel multiplied by a scale and moved by a shift.
    func followed(by maps: [(scale: Double, shift: Double)]) throws(EngineError) -> Convolution2D {
        var result = self
        result.scales = maps.indices.map { maps[$0].scale * scale($0) }
        try result.bias.withMutableElements { biases throws(EngineError) in
            for k in biases.indices { biases[k] = Float(Double(biases[k]) * maps[k].scale + maps[k].shift) }
        }
        return result
    }

    /// The same convolution, its weights multiplied.
    func scaled() throws(EngineError) -> Convolution2D {
        guard let scales else { return self }
        var result = self
        result.scales = nil
        let size = weight.elementCount / geometry.outputChannels
        try result.weight.withMutableElements { weights throws(EngineError) in
            for index in weights.indices {
                weights[index] = Float(Double(weights[index]) * scales[index / size])
            }
        }
        return result
    }
}
