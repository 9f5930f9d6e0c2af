public import CSIMD

/// As `WinogradOutput`, for F(2×2, 3×3); see `PairWinogradInput`. Products are float32 numbers.
public enum PairWinogradOutput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in call.pointee.blocks {
            if call.pointee.resultIsNarrow {
                PairWinogradOutputTiles<I, 1>.run(call, block: block)
            } else {
                PairWinogradOutputTiles<I, 0>.run(call, block: block)
            }
        }
    }
}

/// The tiles of one channel block. Where `narrow` is 1, results are bfloat16 numbers.
public enum PairWinogradOutputTiles<I: InstructionSet, let narrow: Int> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// Floats from one pixel of the result to the next.
    @inlinable @inline(__always)
    static var pixel: Int { blockWords(isNarrow: isNarrow) }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradOutputCall>, block: Int) {
        let output = call.pointee.output + block &* call.pointee.outputBlockStride
        let residual = call.pointee.residual.map { $0 + block &* call.pointee.residualBlockStride }
        let bias = call.pointee.bias + block &* channelBlock
        let tiles = call.pointee.columns.tiles
        var source =
            call.pointee.products
            + (block &* call.pointee.blockStride &+ call.pointee.places.inner &* channelBlock)
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            let y = 2 &* tileRow
            var lane = 0
            while lane < channelBlock {
                let start = isNarrow ? lane / 2 : lane
                row(
                    call, source + lane, I.load(bias + lane),
                    residual.map { $0 + (y &* call.pointee.residualRowStride &+ start) },
                    rows: min(call.pointee.height &- y, 2),
                    to: output + (y &* call.pointee.outputRowStride &+ start))
                lane &+= I.lanes
            }
            source += tiles &* channelBlock
        }
    }

    /// A row of tiles of one vector of channels, `rows` rows of outputs.
    @inlinable @inline(__always)
    static func row(
        _ call: UnsafePointer<WinogradOutputCall>, _ products: UnsafePointer<Float>, _ bias: I.Vector,
        _ residual: UnsafePointer<Float>?, rows: Int, to output: UnsafeMutablePointer<Float>
    ) {
        let rectifies = call.pointee.rectifies
        let (outputRowStride, residualRowStride) = (
            call.pointee.outputRowStride, call.pointee.residualRowStride
        )
        var source = products
        var target = output
        var added = residual
        var left = call.pointee.width
        while left > 0 {
            let columns = min(left, 2)
            @inline(__always) func finish(_ sums: InlineArray<2, I.Vector>, row: Int) {
                for column in 0..<2 where column < columns {
                    var result = sums[column] + bias
                    if let added {
                        result += I.load(
                            added + (row &* residualRowStride &+ column &* pixel), isNarrow: isNarrow)
                    }
                    if rectifies { result = I.rectified(result) }
                    I.store(
                        result, target + (row &* outputRowStride &+ column &* pixel), isNarrow: isNarrow)
                }
            }
            let (upper, lower) = columnSums(source, call.pointee.elementStride)
            if I.narrowsByInstruction {
                finish(results(upper), row: 0)
                if rows > 1 { finish(results(lower), row: 1) }
            } else {
                // By way of memory: rounding takes several instructions, and registers for their constants.
                let scratch = call.pointee.scratch
                for column in 0..<4 {
                    I.store(upper[column], scratch + column &* I.lanes)
                    I.store(lower[column], scratch + (4 &+ column) &* I.lanes)
                }
                let values = csimd_opaque(scratch)
                for row in 0..<rows {
                    @inline(__always) func m(_ column: Int) -> I.Vector {
                        I.load(values + (4 &* row &+ column) &* I.lanes)
                    }
                    finish(results([m(0), m(1), m(2), m(3)]), row: row)
                }
            }
            source += channelBlock
            target += 2 &* pixel
            added = added.map { $0 + 2 &* pixel }
            left &-= 2
        }
    }

    /// `Aᵀ m`: two rows of four.
    @inlinable @inline(__always)
    static func columnSums(
        _ source: UnsafePointer<Float>, _ elementStride: Int
    ) -> (upper: InlineArray<4, I.Vector>, lower: InlineArray<4, I.Vector>) {
        var upper = InlineArray<4, I.Vector>(repeating: I.Vector(repeating: 0))
        var lower = upper
        for column in 0..<4 {
            @inline(__always) func m(_ row: Int) -> I.Vector {
                I.load(source + (4 &* row &+ column) &* elementStride)
            }
            let (m1, m2) = (m(1), m(2))
            upper[column] = m(0) + (m1 + m2)
            lower[column] = (m1 - m2) + m(3)
        }
        return (upper, lower)
    }

    /// The outputs of a row of it.
    @inlinable @inline(__always)
    static func results(_ m: InlineArray<4, I.Vector>) -> InlineArray<2, I.Vector> {
        [m[0] + (m[1] + m[2]), (m[1] - m[2]) + m[3]]
    }
}
