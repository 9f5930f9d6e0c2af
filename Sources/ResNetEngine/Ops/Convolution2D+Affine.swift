import Diagnostics
import Kernels
import Tensors

extension Convolution2D: AffineOperation {
    var isAffine: Bool { !rectifies && !addsResidual }

    /// The adjoint of the zero-padded convolution, applied to the rows: what an input pixel is multiplied by is the sum,
    /// over the results that see it, of the tap through which they do times their own rows.
    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], _ context: CompositionContext
    ) throws(EngineError) -> [AffineRows] {
        let (shape, count) = (inputs[0], rows.outputs)
        if isWinogradAdjoint { return [try winogradAdjoint(rows, shape, context)] }
        let spread = try SpreadRows(rows, geometry, shape, node: context.node)
        let (groupInputs, groupOutputs) = (
            geometry.inputChannels / geometry.groups, geometry.outputChannels / geometry.groups
        )
        let offsets = spread.tapOffsets(groupOutputs)
        let taps = geometry.kernelHeight * geometry.kernelWidth
        // `[c][k r s]` of each group's own.
        let terms = try AlignedBuffer<Double>(count: shape.channels * offsets.count, subject: context.node)
        weight.withElements { weights in
            for k in 0..<geometry.outputChannels {
                for c in 0..<groupInputs {
                    let channel = k / groupOutputs * groupInputs + c
                    let target = terms.pointer + channel * offsets.count + k % groupOutputs * taps
                    for t in 0..<taps {
                        target[t] = scale(k) * Double(weights[(k * groupInputs + c) * taps + t])
                    }
                }
            }
        }
        var result = try AffineRows(outputs: count, shape: shape, node: context.node)
        let width = shape.width * count
        // Of all channels a piece of a row, before the next piece: they read the same ones, which stay in the first-level
        // cache that way.
        let piece = context.stripLength
        let sums = try AlignedBuffer<Double>(
            count: shape.height * (piece + RowSumCall.overhang), subject: context.node)
        try offsets.withUnsafeBufferPointer { offsets throws(EngineError) in
            guard let first = offsets.baseAddress else { return }
            context.team.forEach(shape.height) { h in
                let sum = sums.pointer + h * (piece + RowSumCall.overhang)
                for start in stride(from: 0, to: width, by: piece) {
                    let length = min(piece, width - start)
                    for c in 0..<shape.channels {
                        let source = spread.row(h, ofChannel: c / groupInputs * groupOutputs) + start
                        var call = RowSumCall(
                            source: source, offsets: first, weights: terms.pointer + c * offsets.count,
                            terms: offsets.count, output: sum, count: length)
                        context.table.rowSum(&call)
                        (result.values.pointer + ((c * shape.height + h) * width + start))
                            .update(from: sum, count: length)
                    }
                }
            }
        }
        result.constants = rows.constants(whereEachChannelIs: bias.values.map(Double.init))
        return [result]
    }
}

/// Rows of a convolution's results on a grid as fine as its input's, zeros between them where it strides and around
/// them, so that every input pixel finds those that see it at the same places.
private struct SpreadRows {
    private let values: AlignedBuffer<Double>
    private let geometry: Convolution2D.Geometry
    private let height: Int
    private let width: Int
    private let outputs: Int

    init(
        _ rows: AffineRows, _ geometry: Convolution2D.Geometry, _ input: FeatureShape, node: String
    ) throws(EngineError) {
        let reachHeight = geometry.dilationHeight * (geometry.kernelHeight - 1)
        let reachWidth = geometry.dilationWidth * (geometry.kernelWidth - 1)
        (height, width) = (input.height + reachHeight, input.width + reachWidth)
        self.geometry = geometry
        outputs = rows.outputs
        var count = ByteCount(subject: node)
        try count.add(rows.shape.channels, height, width, outputs)
        try count.add(RowSumCall.overhang)
        values = try AlignedBuffer(count: count.bytes, subject: node)
        let shape = rows.shape
        for k in 0..<shape.channels {
            for oh in 0..<shape.height {
                let h = oh * geometry.strideHeight + reachHeight - geometry.paddingHeight
                // A result beyond the grid sees padding alone.
                guard (0..<height).contains(h) else { continue }
                for ow in 0..<shape.width {
                    let w = ow * geometry.strideWidth + reachWidth - geometry.paddingWidth
                    guard (0..<width).contains(w) else { continue }
                    let source = ((k * shape.height + oh) * shape.width + ow) * outputs
                    (values.pointer + ((k * height + h) * width + w) * outputs)
                        .update(from: rows.values.pointer + source, count: outputs)
                }
            }
        }
    }

    /// Where the taps of `channels` results lie from a row's start: `[k][r][s]`.
    func tapOffsets(_ channels: Int) -> [Int] {
        var offsets: [Int] = []
        for k in 0..<channels {
            for r in (0..<geometry.kernelHeight).reversed() {
                for s in (0..<geometry.kernelWidth).reversed() {
                    let (h, w) = (r * geometry.dilationHeight, s * geometry.dilationWidth)
                    offsets.append(((k * height + h) * width + w) * outputs)
                }
            }
        }
        return offsets
    }

    /// A row of the input's grid, and the first of the channels whose results see it.
    func row(_ h: Int, ofChannel k: Int) -> UnsafePointer<Double> {
        UnsafePointer(values.pointer + (k * height + h) * width * outputs)
    }
}
