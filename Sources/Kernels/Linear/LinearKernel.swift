/// Several rows through one linear layer:
///
///     output[row, o] = act(bias[o] + residual[row, o] + Σ_run Σ_i input[row, runs[run] + i] · weights[o, run, i])
///
/// Each run is summed in one vector of partial sums, position `i` in lane `i mod lanes`, in order of `i`; the runs'
/// vectors are added in order of `run`, which keeps rounding small in long reductions; lane 0 … last are added in
/// order at the end, then the bias, then the residual. The order depends on neither `rows` nor `outputs`.
///
/// Where the kernel is narrow, `input` and `weights` hold two bfloat16 numbers in the place of each float.
///
/// - `runs`: the reduction as offsets into a row, in floats, each followed by `runLength` consecutive numbers, a multiple of
///   16.
/// - `weights`: packed by `LinearWeights` for the kernel's `tileOutputs` and `lanes`.
/// - `output`: exactly `outputs` floats of each row are written; it overlaps no other operand.
public struct LinearCall {
    public var input: UnsafePointer<Float>
    public var inputRowStride: Int
    public var weights: UnsafePointer<Float>
    public var bias: UnsafePointer<Float>
    /// Of rows like the output's; `nil`: zeros.
    public var residual: UnsafePointer<Float>?
    public var residualRowStride: Int
    public var output: UnsafeMutablePointer<Float>
    public var outputRowStride: Int
    public var runs: UnsafePointer<Int32>
    public var runCount: Int
    public var runLength: Int
    public var rows: Int
    public var outputs: Int
    public var rectifies: Bool

    public init(
        input: UnsafePointer<Float>, inputRowStride: Int, weights: UnsafePointer<Float>,
        bias: UnsafePointer<Float>, residual: UnsafePointer<Float>?, residualRowStride: Int,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int,
        runs: UnsafePointer<Int32>, runCount: Int, runLength: Int, rows: Int, outputs: Int, rectifies: Bool
    ) {
        self.input = input
        self.inputRowStride = inputRowStride
        self.weights = weights
        self.bias = bias
        self.residual = residual
        self.residualRowStride = residualRowStride
        self.output = output
        self.outputRowStride = outputRowStride
        self.runs = runs
        self.runCount = runCount
        self.runLength = runLength
        self.rows = rows
        self.outputs = outputs
        self.rectifies = rectifies
    }
}

/// A linear kernel: its printable name, how its weights are packed and how to run it.
public struct LinearKernel: Sendable {
    public let name: String
    public let tileOutputs: Int
    public let lanes: Int
    /// Whether inputs and weights are bfloat16 numbers.
    public let isNarrow: Bool
    public let run: @Sendable (UnsafePointer<LinearCall>) -> Void

    public init(
        name: String, tileOutputs: Int, lanes: Int, isNarrow: Bool = false,
        run: @escaping @Sendable (UnsafePointer<LinearCall>) -> Void
    ) {
        self.name = name
        self.tileOutputs = tileOutputs
        self.lanes = lanes
        self.isNarrow = isNarrow
        self.run = run
    }
}

/// Packs linear weights as `[output group][run][runLength / lanes][tileOutputs][lanes]`, zeros for padding.
public enum LinearWeights {
    public static func elementCount(reduction: Int, outputs: Int, tileOutputs: Int) -> Int {
        groupCount(outputs: outputs, tileOutputs: tileOutputs) * tileOutputs * reduction
    }

    /// Groups of `tileOutputs` outputs.
    public static func groupCount(outputs: Int, tileOutputs: Int) -> Int {
        (outputs + tileOutputs - 1) / tileOutputs
    }

    /// Packs one group.
    ///
    /// - Parameters:
    ///   - weights: `[o][inputs]`.
    ///   - positions: which input stands at each place of the reduction; -1 for padding.
    ///   - packed: where the first group starts.
    public static func pack(
        _ weights: UnsafePointer<Float>, inputs: Int, outputs: Int, positions: UnsafeBufferPointer<Int>,
        tileOutputs: Int, lanes: Int, group: Int, into packed: UnsafeMutablePointer<Float>
    ) {
        var target = packed + group * tileOutputs * positions.count
        for chunk in stride(from: 0, to: positions.count, by: lanes) {
            for o in group * tileOutputs..<(group + 1) * tileOutputs {
                let row = weights + (o < outputs ? o * inputs : 0)
                for lane in 0..<lanes {
                    let position = o < outputs ? positions[chunk + lane] : -1
                    target[lane] = position < 0 ? 0 : row[position]
                }
                target += lanes
            }
        }
    }

    /// As `pack`, rounded to bfloat16.
    public static func packNarrow(
        _ weights: UnsafePointer<Float>, inputs: Int, outputs: Int, positions: UnsafeBufferPointer<Int>,
        tileOutputs: Int, lanes: Int, group: Int, into packed: UnsafeMutablePointer<Float>
    ) {
        var target = UnsafeMutableRawPointer(packed).assumingMemoryBound(to: UInt16.self)
        target += group * tileOutputs * positions.count
        for chunk in stride(from: 0, to: positions.count, by: lanes) {
            for o in group * tileOutputs..<(group + 1) * tileOutputs {
                for lane in 0..<lanes {
                    let position = o < outputs ? positions[chunk + lane] : -1
                    target[lane] = position < 0 ? 0 : weights[o * inputs + position].bfloat16
                }
                target += lanes
            }
        }
    }
}
