/// The linear layer as dot products, vectors along the reduction; of bfloat16 inputs and weights where `narrow` is 1.
///
/// A strip of rows and outputs keeps its totals while the reduction goes by once: run after run, register tiles of
/// `rowTile` rows × `outputTile` outputs add what the run gives to them.
public enum DotLinear<I: InstructionSet, let rowTile: Int, let outputTile: Int, let narrow: Int> {
    @usableFromInline typealias Totals = InlineArray<128, I.Vector>

    /// Rows of a strip, and tiles of outputs whose totals there is room for.
    @inlinable @inline(__always)
    static var stripRows: Int { 2 &* rowTile }
    @inlinable @inline(__always)
    static var stripTiles: Int { 128 / (stripRows &* outputTile) }

    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<LinearCall>) {
        let tiles = (call.pointee.outputs &+ outputTile &- 1) / outputTile
        for tile in stride(from: 0, to: tiles, by: stripTiles) {
            for row in stride(from: 0, to: call.pointee.rows, by: stripRows) {
                strip(
                    call, rows: row..<min(row &+ stripRows, call.pointee.rows),
                    tiles: tile..<min(tile &+ stripTiles, tiles))
            }
        }
    }

    @inlinable @inline(never)
    static func strip(_ call: UnsafePointer<LinearCall>, rows: Range<Int>, tiles: Range<Int>) {
        var memory = Totals(repeating: I.Vector(repeating: 0))
        withUnsafeMutablePointer(to: &memory) { memory in
            let totals = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Float.self)
            for run in 0..<call.pointee.runCount {
                for tile in tiles { add(call, run, rows: rows, tile: tile, to: totals + place(tile, tiles)) }
            }
            for tile in tiles { store(call, rows: rows, tile: tile, totals + place(tile, tiles)) }
        }
    }

    /// Where a tile's totals start: `[row][output][lane]`.
    @inlinable @inline(__always)
    static func place(_ tile: Int, _ tiles: Range<Int>) -> Int {
        (tile &- tiles.lowerBound) &* stripRows &* outputTile &* I.lanes
    }

    @inlinable @inline(__always)
    static func add(
        _ call: UnsafePointer<LinearCall>, _ run: Int, rows: Range<Int>, tile: Int,
        to totals: UnsafeMutablePointer<Float>
    ) {
        let numbers = (tile &* call.pointee.runCount &+ run) &* call.pointee.runLength &* outputTile
        let weights = call.pointee.weights + (narrow == 1 ? numbers / 2 : numbers)
        var totals = totals
        var row = rows.lowerBound
        while row &+ rowTile <= rows.upperBound {
            DotTile<I, rowTile, outputTile, narrow>.add(call, run, weights, row: row, to: totals)
            totals += rowTile &* outputTile &* I.lanes
            row &+= rowTile
        }
        while row < rows.upperBound {
            DotTile<I, 1, outputTile, narrow>.add(call, run, weights, row: row, to: totals)
            totals += outputTile &* I.lanes
            row &+= 1
        }
    }

    /// Adds up the lanes of a tile's totals.
    @inlinable @inline(__always)
    static func store(
        _ call: UnsafePointer<LinearCall>, rows: Range<Int>, tile: Int, _ totals: UnsafePointer<Float>
    ) {
        var total = totals
        for row in rows {
            let output = call.pointee.output + row &* call.pointee.outputRowStride
            let residual = call.pointee.residual.map { $0 + row &* call.pointee.residualRowStride }
            for o in tile &* outputTile..<(tile &+ 1) &* outputTile {
                if o < call.pointee.outputs {
                    var sum: Float = 0
                    for lane in 0..<I.lanes { sum += total[lane] }
                    sum += call.pointee.bias[o]
                    if let residual { sum += residual[o] }
                    output[o] = call.pointee.rectifies && 0 > sum ? 0 : sum
                }
                total += I.lanes
            }
        }
    }
}

public enum DotTile<I: InstructionSet, let rowTile: Int, let outputTile: Int, let narrow: Int> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// Floats, or their places, that a vector takes in memory.
    @inlinable @inline(__always)
    static var words: Int { isNarrow ? I.lanes / 2 : I.lanes }

    /// Adds one run to the totals of a tile.
    @inlinable @inline(never)
    static func add(
        _ call: UnsafePointer<LinearCall>, _ run: Int, _ weights: UnsafePointer<Float>, row: Int,
        to totals: UnsafeMutablePointer<Float>
    ) {
        var sums = InlineArray<rowTile, InlineArray<outputTile, I.Vector>>(
            repeating: InlineArray<outputTile, I.Vector>(repeating: I.Vector(repeating: 0)))
        let stride = call.pointee.inputRowStride
        var input = call.pointee.input + (row &* stride &+ Int(call.pointee.runs[run]))
        var weight = weights
        var remaining = call.pointee.runLength
        while remaining > 0 {
            var values = InlineArray<rowTile, I.Vector>(repeating: I.Vector(repeating: 0))
            for r in 0..<rowTile { values[r] = I.load(input + r &* stride, isNarrow: isNarrow) }
            for o in 0..<outputTile {
                let vector = I.load(weight + o &* words, isNarrow: isNarrow)
                for r in 0..<rowTile { sums[r][o] = I.multiplyAdd(sums[r][o], values[r], vector) }
            }
            input += words
            weight += outputTile &* words
            remaining &-= I.lanes
        }
        for r in 0..<rowTile {
            for o in 0..<outputTile {
                let total = totals + (r &* outputTile &+ o) &* I.lanes
                I.store(I.load(total) + sums[r][o], total)
            }
        }
    }
}
