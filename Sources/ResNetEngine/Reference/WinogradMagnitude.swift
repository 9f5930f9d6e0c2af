import Kernels

extension Convolution2D {
    /// For each output, the sum of the absolute values that F(4×4, 3×3) adds up for it:
    ///
    ///     |bias| + |residual| + (|Aᵀ| (Σ_c |G w Gᵀ| ∘ (|Bᵀ| |d| |B|)) |A|)
    ///
    /// Inputs that the definition does not need for an output take part, as those of its tile, and cancel.
    func winogradMagnitude(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        let x = inputs[0]
        guard let shape = try? outputShape(inputs.map(\.shape), node: "") else { return x }
        let weights = weight.values.map(Double.init)
        let biases = bias.values
        var result = ReferenceTensor(batch: x.batch, shape: shape)
        for n in 0..<x.batch {
            for tileY in stride(from: 0, to: shape.height, by: WinogradWeights.tile) {
                for tileX in stride(from: 0, to: shape.width, by: WinogradWeights.tile) {
                    let height = WinogradSide(shape.height).outputs(tileY / WinogradWeights.tile)
                    let width = WinogradSide(shape.width).outputs(tileX / WinogradWeights.tile)
                    let tiles = (0..<geometry.inputChannels).map { c in
                        WinogradMagnitude.both(WinogradMatrices.input, height, width) { r, s in
                            let (h, w) = (
                                tileY + r - geometry.paddingHeight, tileX + s - geometry.paddingWidth
                            )
                            let isInside = h >= 0 && h < x.shape.height && w >= 0 && w < x.shape.width
                            return isInside ? abs(x[n, c, h, w]) : 0
                        }
                    }
                    for k in 0..<geometry.outputChannels {
                        var sums = [Double](repeating: 0, count: WinogradWeights.elements)
                        for c in 0..<geometry.inputChannels {
                            let filter = (k * geometry.inputChannels + c) * 9
                            WinogradWeights.transform {
                                SIMD2(repeating: weights[filter + $0])
                            } store: {
                                sums[$0] += abs($1[0]) * tiles[c][$0]
                            }
                        }
                        let outputs = WinogradMagnitude.both(WinogradMatrices.output, height, width) {
                            sums[$0 * 6 + $1]
                        }
                        for y in tileY..<min(tileY + height, shape.height) {
                            for x in tileX..<min(tileX + width, shape.width) {
                                let residual = addsResidual ? abs(inputs[1][n, k, y, x]) : 0
                                result[n, k, y, x] =
                                    abs(Double(biases[k])) + residual
                                    + outputs[(y - tileY) * width + x - tileX]
                            }
                        }
                    }
                }
            }
        }
        return result
    }
}

private enum WinogradMagnitude {
    /// `|M| t |N|ᵀ` with the matrices of `height` and of `width` outputs, row-major.
    static func both(
        _ matrix: (_ outputs: Int) -> [[Double]], _ height: Int, _ width: Int,
        _ tile: (_ r: Int, _ s: Int) -> Double
    ) -> [Double] {
        let half = matrix(height).map { row in
            (0..<6).map { s in (0..<6).reduce(0) { $0 + abs(row[$1]) * tile($1, s) } }
        }
        let right = matrix(width)
        return half.flatMap { line in
            right.map { row in (0..<6).reduce(0) { $0 + abs(row[$1]) * line[$1] } }
        }
    }
}
