import Kernels

extension Convolution2D {
    /// For each output, the sum of the absolute values that Winograd's algorithm adds up for it:
    ///
    ///     |bias| + |residual| + (|Aᵀ| (Σ_c |G w Gᵀ| ∘ (|Bᵀ| |d| |B|)) |A|)
    ///
    /// Inputs that the definition does not need for an output take part, as those of its tile, and cancel.
    func winogradMagnitude(_ inputs: [ReferenceTensor], _ form: WinogradForm) -> ReferenceTensor {
        let x = inputs[0]
        guard let shape = try? outputShape(inputs.map(\.shape), node: "") else { return x }
        let weights = weight.values.map(Double.init)
        let biases = bias.values
        var result = ReferenceTensor(batch: x.batch, shape: shape)
        let phases = WinogradPhases(stride: geometry.strideHeight)
        for n in 0..<x.batch {
            for tileY in stride(from: 0, to: shape.height, by: form.tile) {
                for tileX in stride(from: 0, to: shape.width, by: form.tile) {
                    let height = WinogradMagnitude.outputs(of: shape.height, form, from: tileY)
                    let width = WinogradMagnitude.outputs(of: shape.width, form, from: tileX)
                    // Channels of all phases.
                    let tiles = (0..<phases.count * geometry.inputChannels).map { index in
                        let (phase, c) = index.quotientAndRemainder(dividingBy: geometry.inputChannels)
                        let (row, column) = phases.pixel(ofPhase: phase)
                        return WinogradMagnitude.both(form.inputMatrix, height, width) { r, s in
                            let h = phases.stride * (tileY + r) + row - geometry.paddingHeight
                            let w = phases.stride * (tileX + s) + column - geometry.paddingWidth
                            let isInside = h >= 0 && h < x.shape.height && w >= 0 && w < x.shape.width
                            return isInside ? abs(x[n, c, h, w]) : 0
                        }
                    }
                    for k in 0..<geometry.outputChannels {
                        var sums = [Double](repeating: 0, count: form.elements)
                        for (index, tile) in tiles.enumerated() {
                            let (phase, c) = index.quotientAndRemainder(dividingBy: geometry.inputChannels)
                            let filter = (k * geometry.inputChannels + c) * 9
                            form.transform { place in
                                phases.tap(place, ofPhase: phase).map { weights[filter + $0] } ?? 0
                            } store: {
                                sums[$0] += abs($1) * tile[$0]
                            }
                        }
                        let outputs = WinogradMagnitude.both(form.outputMatrix, height, width) {
                            sums[$0 * (form.tile + 2) + $1]
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
    /// Outputs of the tile that starts at an output.
    static func outputs(of size: Int, _ form: WinogradForm, from start: Int) -> Int {
        WinogradSide(size, form).outputs(start / form.tile)
    }

    /// `|M| t |N|ᵀ` with the matrices of `height` and of `width` outputs, row-major.
    static func both(
        _ matrix: (_ outputs: Int) -> [[Double]], _ height: Int, _ width: Int,
        _ tile: (_ r: Int, _ s: Int) -> Double
    ) -> [Double] {
        let right = matrix(width)
        let side = right[0].indices
        let half = matrix(height).map { row in
            side.map { s in side.reduce(0) { $0 + abs(row[$1]) * tile($1, s) } }
        }
        return half.flatMap { line in
            right.map { row in side.reduce(0) { $0 + abs(row[$1]) * line[$1] } }
        }
    }
}

extension WinogradForm {
    fileprivate func inputMatrix(outputs: Int) -> [[Double]] {
        self == .four ? WinogradMatrices.input(outputs: outputs) : WinogradMatrices.ofTwo.input
    }

    fileprivate func outputMatrix(outputs: Int) -> [[Double]] {
        self == .four ? WinogradMatrices.output(outputs: outputs) : WinogradMatrices.ofTwo.output
    }

    /// `G g Gᵀ` of one filter.
    fileprivate func transform(
        _ g: (_ tap: Int) -> Double, store: (_ element: Int, Double) -> Void
    ) {
        let taps = { SIMD2(repeating: g($0)) }
        switch self {
        case .four: WinogradWeights.transform(taps) { store($0, $1[0]) }
        case .pairsOfTwo: WinogradWeights.transformToTwo(taps) { store($0, $1[0]) }
        }
    }
}
