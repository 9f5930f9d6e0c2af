public import CSIMD

/// Some rows of tiles of one image back from the Winograd domain, all operands in channel blocks:
///
///     output[k, y, x] = act(bias[k] + residual[k, y, x] + (Aᵀ m[k, t] A)[y mod 4, x mod 4])
///
/// where `m[k, t]` are the 36 products of the tile `t` that holds (y, x), fewer at the map's edges.
///
/// - `products`: as `WinogradInputCall.transformed`.
/// - `bias`: `blocks · 16` floats.
/// - `residual`: nil, or a map that may be `output` itself, else does not overlap it.
/// - `output`: at output (0, 0) of the image; the kernel writes what lies within `height` × `width` of its tiles.
/// - `resultIsNarrow`: whether `output` and `residual` hold bfloat16 numbers, two in the place of a float.
public struct WinogradOutputCall {
    public var products: UnsafePointer<Float>
    public var elementStride: Int
    public var blockStride: Int
    public var bias: UnsafePointer<Float>
    public var residual: UnsafePointer<Float>?
    public var residualRowStride: Int
    public var residualBlockStride: Int
    public var output: UnsafeMutablePointer<Float>
    public var outputRowStride: Int
    public var outputBlockStride: Int
    public var scratch: UnsafeMutablePointer<Float>
    /// Channel blocks to transform.
    public var blocks: Range<Int>
    public var height: Int
    public var width: Int
    /// Of the whole map.
    public var rows: WinogradSide
    public var columns: WinogradSide
    public var places: WinogradPlaces
    public var firstTileRow: Int
    public var tileRows: Int
    public var rectifies: Bool
    public var resultIsNarrow: Bool
    public var phases: WinogradPhases

    public init(
        products: UnsafePointer<Float>, elementStride: Int, blockStride: Int, bias: UnsafePointer<Float>,
        residual: UnsafePointer<Float>?, residualRowStride: Int, residualBlockStride: Int,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int, outputBlockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Range<Int>, height: Int, width: Int, rows: WinogradSide,
        columns: WinogradSide, places: WinogradPlaces, firstTileRow: Int, tileRows: Int, rectifies: Bool,
        resultIsNarrow: Bool, phases: WinogradPhases
    ) {
        self.products = products
        self.elementStride = elementStride
        self.blockStride = blockStride
        self.bias = bias
        self.residual = residual
        self.residualRowStride = residualRowStride
        self.residualBlockStride = residualBlockStride
        self.output = output
        self.outputRowStride = outputRowStride
        self.outputBlockStride = outputBlockStride
        self.scratch = scratch
        self.blocks = blocks
        self.height = height
        self.width = width
        self.rows = rows
        self.columns = columns
        self.places = places
        self.firstTileRow = firstTileRow
        self.tileRows = tileRows
        self.rectifies = rectifies
        self.resultIsNarrow = resultIsNarrow
        self.phases = phases
    }
}

public enum WinogradOutput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradOutputCall>) {
        if call.pointee.phases.stride == 1 {
            WinogradOutputBlocks<I, 3>.run(call)
        } else {
            WinogradOutputBlocks<I, 2>.run(call)
        }
    }

    /// Results of bfloat16.
    @inlinable @inline(__always)
    public static func runNarrow(_ call: UnsafePointer<WinogradOutputCall>) {
        if call.pointee.phases.stride == 1 {
            WinogradOutputBlocks<I, 3>.runNarrow(call)
        } else {
            WinogradOutputBlocks<I, 2>.runNarrow(call)
        }
    }
}

/// All channel blocks, of filters of three taps or of two.
public enum WinogradOutputBlocks<I: InstructionSet, let taps: Int> {
    @inlinable @inline(__always)
    static func run(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in call.pointee.blocks {
            switch (call.pointee.residual != nil, call.pointee.rectifies) {
            case (false, false): WinogradOutputTiles<I, taps, 0, 0, 0>.run(call, block)
            case (false, true): WinogradOutputTiles<I, taps, 0, 1, 0>.run(call, block)
            case (true, false): WinogradOutputTiles<I, taps, 1, 0, 0>.run(call, block)
            case (true, true): WinogradOutputTiles<I, taps, 1, 1, 0>.run(call, block)
            }
        }
    }

    /// Where rounding to bfloat16 takes several instructions, each tile by way of memory.
    @inlinable @inline(__always)
    static func runNarrow(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in call.pointee.blocks {
            if !I.narrowsByInstruction {
                edges(call, block)
            } else {
                switch (call.pointee.residual != nil, call.pointee.rectifies) {
                case (false, false): WinogradOutputTiles<I, taps, 0, 0, 1>.run(call, block)
                case (false, true): WinogradOutputTiles<I, taps, 0, 1, 1>.run(call, block)
                case (true, false): WinogradOutputTiles<I, taps, 1, 0, 1>.run(call, block)
                case (true, true): WinogradOutputTiles<I, taps, 1, 1, 1>.run(call, block)
                }
            }
        }
    }

    /// All tiles of a channel block by way of memory of their own.
    @inlinable @inline(__always)
    static func edges(_ call: UnsafePointer<WinogradOutputCall>, _ block: Int) {
        let products = call.pointee.products + block &* call.pointee.blockStride
        var places = call.pointee.places
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            for tile in 0..<call.pointee.columns.tiles {
                let place = places.next(
                    isLastRow: tileRow == call.pointee.rows.whole,
                    isLastColumn: tile == call.pointee.columns.whole)
                edge(call, block, products + place &* channelBlock, row: tileRow, column: tile)
            }
        }
    }

    /// A tile of any size, by way of memory of its own.
    @inlinable @inline(never)
    static func edge(
        _ call: UnsafePointer<WinogradOutputCall>, _ block: Int, _ source: UnsafePointer<Float>, row: Int,
        column: Int
    ) {
        let tileStride = WinogradWeights.tile &* channelBlock
        let tile = call.pointee.scratch + WinogradWeights.elements &* channelBlock
        let (rows, columns) = (call.pointee.rows.outputs(row), call.pointee.columns.outputs(column))
        switch (rows, columns) {
        case (4, 4): WinogradOutputTile<I, taps, 4, 4>.run(call, source, to: tile)
        case (4, 3): WinogradOutputTile<I, taps, 4, 3>.run(call, source, to: tile)
        case (4, 2): WinogradOutputTile<I, taps, 4, 2>.run(call, source, to: tile)
        case (3, 4): WinogradOutputTile<I, taps, 3, 4>.run(call, source, to: tile)
        case (2, 4): WinogradOutputTile<I, taps, 2, 4>.run(call, source, to: tile)
        case (3, 3): WinogradOutputTile<I, taps, 3, 3>.run(call, source, to: tile)
        case (3, 2): WinogradOutputTile<I, taps, 3, 2>.run(call, source, to: tile)
        case (2, 3): WinogradOutputTile<I, taps, 2, 3>.run(call, source, to: tile)
        default: WinogradOutputTile<I, taps, 2, 2>.run(call, source, to: tile)
        }
        let isNarrow = call.pointee.resultIsNarrow
        let pixel = blockWords(isNarrow: isNarrow)
        let (y, x) = (row &* WinogradWeights.tile, column &* WinogradWeights.tile)
        let output = call.pointee.output + (block &* call.pointee.outputBlockStride &+ x &* pixel)
        let residual = call.pointee.residual.map {
            $0 + (block &* call.pointee.residualBlockStride &+ x &* pixel)
        }
        let bias = call.pointee.bias + block &* channelBlock
        let floats = min(call.pointee.width &- x, columns) &* channelBlock
        for row in 0..<min(call.pointee.height &- y, rows) {
            var at = 0
            while at < floats {
                var result = I.load(tile + (row &* tileStride &+ at)) + I.load(bias + at % channelBlock)
                let place = isNarrow ? at / 2 : at
                if let residual {
                    result += I.load(
                        residual + ((y &+ row) &* call.pointee.residualRowStride &+ place),
                        isNarrow: isNarrow)
                }
                if call.pointee.rectifies { result = I.rectified(result) }
                I.store(
                    result, output + ((y &+ row) &* call.pointee.outputRowStride &+ place),
                    isNarrow: isNarrow)
                at &+= I.lanes
            }
        }
    }
}

/// One tile of `rows` × `columns` outputs, without bias and residual, into memory of 4×4 pixels.
public enum WinogradOutputTile<I: InstructionSet, let taps: Int, let rows: Int, let columns: Int> {
    @inlinable @inline(never)
    static func run(
        _ call: UnsafePointer<WinogradOutputCall>, _ source: UnsafePointer<Float>,
        to tile: UnsafeMutablePointer<Float>
    ) {
        var lane = 0
        while lane < channelBlock {
            columnsToScratch(call, source + lane)
            var row = UnsafePointer(call.pointee.scratch)
            let lastRow = csimd_opaque(row + 6 &* rows &* I.lanes)
            var target = tile + lane
            while row != lastRow {
                WinogradTransform<I>.output(row, stride: I.lanes, outputs: columns, taps: taps) {
                    I.store($1, target + $0 &* channelBlock)
                }
                row += 6 &* I.lanes
                target += WinogradWeights.tile &* channelBlock
            }
            lane &+= I.lanes
        }
    }

    /// Transforms the columns of elements of one vector of channels: `rows` rows of six vectors in the scratch memory. The
    /// compiler does not know the loop's count: it would unroll it and compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func columnsToScratch(_ call: UnsafePointer<WinogradOutputCall>, _ source: UnsafePointer<Float>) {
        let elementStride = call.pointee.elementStride
        let first = taps == 3 ? 0 : 1
        var column = source + first &* elementStride
        var place = call.pointee.scratch + first &* I.lanes
        let lastPlace = csimd_opaque(call.pointee.scratch + (columns == 4 ? 6 : columns &+ 1) &* I.lanes)
        while UnsafePointer(place) != lastPlace {
            columnToScratch(column, elementStride, place)
            column += elementStride
            place += I.lanes
        }
        // The element of the point at infinity, after those that the tile does not have.
        if columns < 4 {
            columnToScratch(
                source + 5 &* elementStride, elementStride, call.pointee.scratch + 5 &* I.lanes)
        }
    }

    @inlinable @inline(__always)
    static func columnToScratch(
        _ column: UnsafePointer<Float>, _ elementStride: Int, _ place: UnsafeMutablePointer<Float>
    ) {
        WinogradTransform<I>.output(column, stride: 6 &* elementStride, outputs: rows, taps: taps) {
            I.store($1, place + $0 &* 6 &* I.lanes)
        }
    }
}

/// The tiles of one channel block. Where `addsResidual` and `rectifies` are 1, they do; where `narrow` is 1, results are
/// bfloat16 numbers.
public enum WinogradOutputTiles<
    I: InstructionSet, let taps: Int, let addsResidual: Int, let rectifies: Int, let narrow: Int
> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// Floats from one pixel of the result to the next.
    @inlinable @inline(__always)
    static var pixel: Int { blockWords(isNarrow: isNarrow) }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradOutputCall>, _ block: Int) {
        let products = call.pointee.products + block &* call.pointee.blockStride
        let outputRowStride = call.pointee.outputRowStride
        let residualRowStride = addsResidual == 1 ? call.pointee.residualRowStride : 0
        let output = call.pointee.output + block &* call.pointee.outputBlockStride
        // Without a residual what is written stands in for it and is not read.
        let residual =
            (call.pointee.residual ?? UnsafePointer(call.pointee.output))
            + block &* call.pointee.residualBlockStride
        var places = call.pointee.places
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            let isLastRow = tileRow == call.pointee.rows.whole
            let y = tileRow &* WinogradWeights.tile
            for tile in 0..<call.pointee.columns.tiles {
                let isLastColumn = tile == call.pointee.columns.whole
                let place = places.next(isLastRow: isLastRow, isLastColumn: isLastColumn)
                let source = products + place &* channelBlock
                if isLastRow || isLastColumn {
                    WinogradOutputBlocks<I, taps>.edge(call, block, source, row: tileRow, column: tile)
                } else {
                    let x = tile &* WinogradWeights.tile
                    whole(
                        call, block, source, residual + (y &* residualRowStride &+ x &* pixel),
                        residualRowStride: residualRowStride,
                        to: output + (y &* outputRowStride &+ x &* pixel), rowStride: outputRowStride)
                }
            }
        }
    }

    /// A tile of 4×4 outputs, straight to its place.
    @inlinable @inline(__always)
    static func whole(
        _ call: UnsafePointer<WinogradOutputCall>, _ block: Int, _ source: UnsafePointer<Float>,
        _ residual: UnsafePointer<Float>, residualRowStride: Int, to output: UnsafeMutablePointer<Float>,
        rowStride: Int
    ) {
        // The lines of the tile after the next one: products and weights have passed by since the map was last in the cache.
        var later = UnsafePointer(output) + 2 &* WinogradWeights.tile &* pixel
        for _ in 0..<WinogradWeights.tile {
            for column in 0..<WinogradWeights.tile { csimd_prefetch(later + column &* pixel) }
            later += rowStride
        }
        var lane = 0
        while lane < channelBlock {
            WinogradOutputTile<I, taps, 4, 4>.columnsToScratch(call, source + lane)
            let bias = I.load(call.pointee.bias + (block &* channelBlock &+ lane))
            var row = UnsafePointer(call.pointee.scratch)
            let lastRow = csimd_opaque(row + 24 &* I.lanes)
            let start = isNarrow ? lane / 2 : lane
            var target = output + start
            var added = residual + start
            while row != lastRow {
                WinogradTransform<I>.output(row, stride: I.lanes, outputs: 4, taps: taps) {
                    finish($1 + bias, added, to: target, $0)
                }
                row += 6 &* I.lanes
                target += rowStride
                added += residualRowStride
            }
            lane &+= I.lanes
        }
    }

    /// Adds the residual to the result `column` pixels to the right, rectifies and stores it.
    @inlinable @inline(__always)
    static func finish(
        _ result: I.Vector, _ residual: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>,
        _ column: Int
    ) {
        var result = result
        if addsResidual == 1 { result += I.load(residual + column &* pixel, isNarrow: isNarrow) }
        if rectifies == 1 { result = I.rectified(result) }
        I.store(result, output + column &* pixel, isNarrow: isNarrow)
    }
}
