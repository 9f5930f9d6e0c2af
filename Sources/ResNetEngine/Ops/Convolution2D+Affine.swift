import Diagnostics
import Kernels
import Tensors

extension Convolution2D: AffineOperation {
    var isAffine: Bool { !rectifies && !addsResidual }

    /// The adjoint of the zero-padded convolution, applied to the rows: what an input pixel is multiplied by is the sum,
    /// over the results that see it, of the tap through which they do times their own rows.
    func composed(
        _ rows: AffineRows, inputs: [FeatureShape], table: KernelTable, node: String
    ) throws(EngineError) -> [AffineRows] {
        let (shape, count) = (inputs[0], rows.outputs)
        let spread = try SpreadRows(rows, geometry, shape, node: node)
        let (groupInputs, groupOutputs) = (
            geometry.inputChannels / geometry.groups, geometry.outputChannels / geometry.groups
        )
        let offsets = spread.tapOffsets(groupOutputs)
        let taps = geometry.kernelHeight * geometry.kernelWidth
        // `[c][k r s]` of each group's own.
        let terms = try AlignedBuffer<Double>(count: shape.channels * offsets.count, subject: node)
        weight.withElements { weights in
            for k in 0..<geometry.outputChannels {
                for c in 0..<groupInputs {
                    let channel = k / groupOutputs * groupInputs + c
                    let target = terms.pointer + channel * offsets.count + k % groupOutputs * taps
                    for t in 0..<taps { target[t] = Double(weights[(k * groupInputs + c) * taps + t]) }
                }
            }
        }
        var result = try AffineRows(outputs: count, shape: shape, node: node)
        let width = shape.width * count
        let row = try AlignedBuffer<Double>(count: width + RowSumCall.overhang, subject: node)
        offsets.withUnsafeBufferPointer { offsets in
            guard let first = offsets.baseAddress else { return }
            // Rows of all channels before the next row: they read the same ones.
            for h in 0..<shape.height {
                for c in 0..<shape.channels {
                    var call = RowSumCall(
                        source: spread.row(h, ofChannel: c / groupInputs * groupOutputs), offsets: first,
                        weights: terms.pointer + c * offsets.count, terms: offsets.count,
                        output: row.pointer, count: width)
                    table.rowSum(&call)
                    (result.values.pointer + (c * shape.height + h) * width)
                        .update(from: row.pointer, count: width)
                }
            }
        }
        result.constants = rows.constants
        let area = rows.shape.height * rows.shape.width
        bias.withElements { biases in
            for at in 0..<rows.shape.elementCount {
                for o in 0..<count {
                    result.constants[o] += rows.values.pointer[at * count + o] * Double(biases[at / area])
                }
            }
        }
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
        values = try AlignedBuffer(
            count: rows.shape.channels * height * width * outputs + RowSumCall.overhang, subject: node)
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
