public import CSIMD

/// As `WinogradInput`, for F(2×2, 3×3) of bfloat16 numbers with the points 0, ±1 and ∞ (Lavin and Gray 2016), 16 products
/// where the definition takes 36:
///
///     y = Aᵀ ((G g) ∘ (Bᵀ d)),   Bᵀ d = (d₀ - d₂, d₁ + d₂, d₂ - d₁, d₃ - d₁),   Aᵀ m = (m₀ + m₁ + m₂, m₁ - m₂ + m₃)
///
/// Inputs are widened to float32, and what becomes of them is rounded once.
public enum PairWinogradInput<I: InstructionSet> {
    /// `call.inputIsNarrow` is true, its phases are those of stride 1, and all tiles are whole ones. Of what is transformed
    /// the places of floats are counted, two numbers each.
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradInputCall>) {
        for block in call.pointee.blocks { run(call, block: block) }
    }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradInputCall>, block: Int) {
        let pixel = blockWords(isNarrow: true)
        let rowStride = call.pointee.rowStride
        let tiles = call.pointee.columns.tiles
        let plane = call.pointee.input + block &* call.pointee.inputBlockStride
        var place =
            call.pointee.transformed
            + (block &* call.pointee.blockStride &+ call.pointee.places.inner &* pixel)
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            let source = plane + 2 &* tileRow &* rowStride
            let isWhole = 2 &* tileRow &+ 4 <= call.pointee.height
            var lane = 0
            while lane < channelBlock {
                let (source, place) = (source + lane / 2, place + lane / 2)
                if !I.narrowsByInstruction {
                    viaMemory(call, source, rows: isWhole ? 4 : 3, to: place)
                } else if isWhole {
                    PairWinogradInputRow<I, 4>.run(call, source, to: place)
                } else {
                    PairWinogradInputRow<I, 3>.run(call, source, to: place)
                }
                lane &+= I.lanes
            }
            place += tiles &* pixel
        }
    }

    /// A row of tiles of one vector of channels, of which `rows` rows of inputs can be read. Where rounding takes several
    /// instructions, and registers for their constants, each tile by way of memory.
    @inlinable @inline(__always)
    static func viaMemory(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rows: Int,
        to place: UnsafeMutablePointer<Float>
    ) {
        let pixel = blockWords(isNarrow: true)
        let (scratch, elementStride) = (call.pointee.scratch, call.pointee.elementStride)
        var target = place
        for tile in 0..<call.pointee.columns.tiles {
            let tileSource = source + 2 &* tile &* pixel
            let columns = min(call.pointee.width &- 2 &* tile, 4)
            var column = 0
            while column < 4 {
                let values = scratch + column &* I.lanes
                if column >= columns {
                    for row in 0..<4 { I.store(I.Vector(repeating: 0), values + 4 &* row &* I.lanes) }
                } else if rows == 4 {
                    PairWinogradInputRow<I, 4>.column(
                        tileSource + column &* pixel, call.pointee.rowStride, to: values)
                } else {
                    PairWinogradInputRow<I, 3>.column(
                        tileSource + column &* pixel, call.pointee.rowStride, to: values)
                }
                column &+= 1
            }
            var values = UnsafePointer(scratch)
            let end = csimd_opaque(values + 16 &* I.lanes)
            var elements = target
            while values != end {
                @inline(__always) func c(_ column: Int) -> I.Vector { I.load(values + column &* I.lanes) }
                store([c(0), c(1), c(2), c(3)], elementStride, to: elements)
                values += 4 &* I.lanes
                elements += 4 &* elementStride
            }
            target += pixel
        }
    }

    /// `Bᵀ d` of a row of columns' results.
    @inlinable @inline(__always)
    static func store(
        _ c: InlineArray<4, I.Vector>, _ elementStride: Int, to elements: UnsafeMutablePointer<Float>
    ) {
        I.store(c[0] - c[2], elements, isNarrow: true)
        I.store(c[1] + c[2], elements + elementStride, isNarrow: true)
        I.store(c[2] - c[1], elements + 2 &* elementStride, isNarrow: true)
        I.store(c[3] - c[1], elements + 3 &* elementStride, isNarrow: true)
    }
}

/// A row of tiles of one vector of channels, of which `height` rows of inputs can be read, 4 or 3; what is beyond is zero.
public enum PairWinogradInputRow<I: InstructionSet, let height: Int> {
    @usableFromInline typealias Column = InlineArray<4, I.Vector>

    /// Each tile shares two of its four columns with the one before it.
    @inlinable @inline(__always)
    static func run(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>,
        to place: UnsafeMutablePointer<Float>
    ) {
        let pixel = blockWords(isNarrow: true)
        let (rowStride, elementStride) = (call.pointee.rowStride, call.pointee.elementStride)
        let whole = (call.pointee.width &- 2) / 2
        var (c0, c1) = (column(source, rowStride), column(source + pixel, rowStride))
        var next = source + 2 &* pixel
        var target = place
        for _ in 0..<whole {
            let (c2, c3) = (column(next, rowStride), column(next + pixel, rowStride))
            store(c0, c1, c2, c3, elementStride, to: target)
            (c0, c1) = (c2, c3)
            next += 2 &* pixel
            target += pixel
        }
        if whole < call.pointee.columns.tiles {
            let nothing = Column(repeating: I.Vector(repeating: 0))
            store(c0, c1, column(next, rowStride), nothing, elementStride, to: target)
        }
    }

    /// `Bᵀ d` of a column.
    @inlinable @inline(__always)
    static func column(_ source: UnsafePointer<Float>, _ rowStride: Int) -> Column {
        @inline(__always) func d(_ row: Int) -> I.Vector {
            row < height ? I.load(source + row &* rowStride, isNarrow: true) : I.Vector(repeating: 0)
        }
        let (d0, d1, d2, d3) = (d(0), d(1), d(2), d(3))
        return [d0 - d2, d1 + d2, d2 - d1, d3 - d1]
    }

    /// `Bᵀ d` of a column, to four rows of four vectors.
    @inlinable @inline(__always)
    static func column(
        _ source: UnsafePointer<Float>, _ rowStride: Int, to values: UnsafeMutablePointer<Float>
    ) {
        let column = column(source, rowStride)
        for row in 0..<4 { I.store(column[row], values + 4 &* row &* I.lanes) }
    }

    @inlinable @inline(__always)
    static func store(
        _ c0: Column, _ c1: Column, _ c2: Column, _ c3: Column, _ elementStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<4 {
            PairWinogradInput<I>.store(
                [c0[row], c1[row], c2[row], c3[row]], elementStride,
                to: target + 4 &* row &* elementStride)
        }
    }
}
