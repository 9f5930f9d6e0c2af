/// The linear layer as dot products: a register tile of `rowTile` rows × `outputTile` outputs, vectors along the
/// reduction.
public enum DotLinear<I: InstructionSet, let rowTile: Int, let outputTile: Int> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<LinearCall>) {
        let reduction = call.pointee.runCount &* call.pointee.runLength
        var first = 0
        var weights = call.pointee.weights
        while first < call.pointee.outputs {
            var row = 0
            while row &+ rowTile <= call.pointee.rows {
                DotTile<I, rowTile, outputTile>.run(call, weights: weights, row: row, first: first)
                row &+= rowTile
            }
            while row < call.pointee.rows {
                DotTile<I, 1, outputTile>.run(call, weights: weights, row: row, first: first)
                row &+= 1
            }
            weights += reduction &* outputTile
            first &+= outputTile
        }
    }
}

public enum DotTile<I: InstructionSet, let rowTile: Int, let outputTile: Int> {
    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<LinearCall>, weights: UnsafePointer<Float>, row: Int, first: Int) {
        typealias Sums = InlineArray<outputTile, I.Vector>
        let zeros = InlineArray<rowTile, Sums>(repeating: Sums(repeating: I.Vector(repeating: 0)))
        var totals = zeros
        let stride = call.pointee.inputRowStride
        let rows = call.pointee.input + row &* stride
        var weight = weights
        var run = 0
        while run < call.pointee.runCount {
            var sums = zeros
            var input = rows + Int(call.pointee.runs[run])
            var remaining = call.pointee.runLength
            while remaining > 0 {
                var values = InlineArray<rowTile, I.Vector>(repeating: I.Vector(repeating: 0))
                for r in 0..<rowTile { values[r] = I.load(input + r &* stride) }
                for o in 0..<outputTile {
                    let vector = I.load(weight + o &* I.lanes)
                    for r in 0..<rowTile { sums[r][o] = I.multiplyAdd(sums[r][o], values[r], vector) }
                }
                input += I.lanes
                weight += outputTile &* I.lanes
                remaining &-= I.lanes
            }
            for r in 0..<rowTile {
                for o in 0..<outputTile { totals[r][o] += sums[r][o] }
            }
            run &+= 1
        }
        for r in 0..<rowTile {
            let output = call.pointee.output + (row &+ r) &* call.pointee.outputRowStride
            for o in 0..<outputTile where first &+ o < call.pointee.outputs {
                var sum: Float = 0
                for lane in 0..<I.lanes { sum += totals[r][o][lane] }
                sum += call.pointee.bias[first &+ o]
                output[first &+ o] = call.pointee.rectifies && 0 > sum ? 0 : sum
            }
        }
    }
}
