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
        let phases = WinogradPhases(stride: geometry.strideHeight)
        for n in 0..<x.batch {
            for tileY in stride(from: 0, to: shape.height, by: WinogradWeights.tile) {
                for tileX in stride(from: 0, to: shape.width, by: WinogradWeights.tile) {
                    let height = WinogradSide(shape.height).outputs(tileY / WinogradWeights.tile)
                    let width = WinogradSide(shape.width).outputs(tileX / WinogradWeights.tile)
                    // Channels of all phases.
                    let tiles = (0..<phases.count * geometry.inputChannels).map { index in
                        let (phase, c) = index.quotientAndRemainder(dividingBy: geometry.inputChannels)
                        let (row, column) = phases.pixel(ofPhase: phase)
                        return WinogradMagnitude.both(WinogradMatrices.input, height, width) { r, s in
                            let h = phases.stride * (tileY + r) + row - geometry.paddingHeight
                            let w = phases.stride * (tileX + s) + column - geometry.paddingWidth
                            let isInside = h >= 0 && h < x.shape.height && w >= 0 && w < x.shape.width
                            return isInside ? abs(x[n, c, h, w]) : 0
                        }
                    }
                    for k in 0..<geometry.outputChannels {
                        var sums = [Double](repeating: 0, count: WinogradWeights.elements)
                        for (index, tile) in tiles.enumerated() {
                            let (phase, c) = index.quotientAndRemainder(dividingBy: geometry.inputChannels)
                            let filter = (k * geometry.inputChannels + c) * 9
                            WinogradWeights.transform { place in
                                let tap = phases.tap(place, ofPhase: phase)
                                return SIMD2(repeating: tap.map { weights[filter + $0] } ?? 0)
                            } store: {
                                sums[$0] += abs($1[0]) * tile[$0]
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
