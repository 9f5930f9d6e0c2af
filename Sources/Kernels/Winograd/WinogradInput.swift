public import CSIMD

/// Some rows of tiles of one image into the Winograd domain, all operands in channel blocks:
///
///     transformed[e, c, t] = (Bᵀ d[c, t] B)[e]
///
/// where `d[c, t]` are the 6×6 inputs of tile `t`, fewer at the map's edges; tiles overlap by two. With stride 2, each phase
/// of the input is transformed by itself; see `WinogradPhases`.
///
/// - `input`: at the first tap of output (0, 0) of the image; `height` × `width` of it can be read, beyond is zero. Where
///   `inputIsNarrow`, it holds bfloat16 numbers, two in the place of a float.
/// - `transformed`: elements `elementStride` apart, in each of them channel blocks `blockStride` apart, in these tiles
///   of 16 floats in the order that `places` says. Elements that a tile does not have are not written. The blocks of
///   one phase follow those of the one before it.
/// - `scratch`: `WinogradScratch.count` floats.
public struct WinogradInputCall {
    public var input: UnsafePointer<Float>
    public var rowStride: Int
    public var inputBlockStride: Int
    public var height: Int
    public var width: Int
    public var transformed: UnsafeMutablePointer<Float>
    public var elementStride: Int
    public var blockStride: Int
    public var scratch: UnsafeMutablePointer<Float>
    /// Channel blocks to transform, and how many there are.
    public var blocks: Range<Int>
    public var ofBlocks: Int
    /// Of the whole map.
    public var rows: WinogradSide
    public var columns: WinogradSide
    public var places: WinogradPlaces
    public var firstTileRow: Int
    public var tileRows: Int
    public var inputIsNarrow: Bool
    public var phases: WinogradPhases

    public init(
        input: UnsafePointer<Float>, rowStride: Int, inputBlockStride: Int, height: Int, width: Int,
        transformed: UnsafeMutablePointer<Float>, elementStride: Int, blockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Range<Int>, ofBlocks: Int, rows: WinogradSide,
        columns: WinogradSide,
        places: WinogradPlaces, firstTileRow: Int, tileRows: Int, inputIsNarrow: Bool, phases: WinogradPhases
    ) {
        self.input = input
        self.rowStride = rowStride
        self.inputBlockStride = inputBlockStride
        self.height = height
        self.width = width
        self.transformed = transformed
        self.elementStride = elementStride
        self.blockStride = blockStride
        self.scratch = scratch
        self.blocks = blocks
        self.ofBlocks = ofBlocks
        self.rows = rows
        self.columns = columns
        self.places = places
        self.firstTileRow = firstTileRow
        self.tileRows = tileRows
        self.inputIsNarrow = inputIsNarrow
        self.phases = phases
    }
}

/// Memory that the transforms use meanwhile: a tile of one channel block, and one of a vector of channels.
public enum WinogradScratch {
    public static let count = 2 * WinogradWeights.elements * channelBlock
}

public enum WinogradInput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradInputCall>) {
        for block in call.pointee.blocks {
            if call.pointee.inputIsNarrow {
                WinogradInputBlock<I, 1>.run(call, block: block)
            } else {
                WinogradInputBlock<I, 0>.run(call, block: block)
            }
        }
    }
}

/// One channel block; of bfloat16 numbers where `narrow` is 1.
public enum WinogradInputBlock<I: InstructionSet, let narrow: Int> {
    @inlinable @inline(__always)
    static func run(_ call: UnsafePointer<WinogradInputCall>, block: Int) {
        if call.pointee.phases.stride == 1 {
            WinogradInputTiles<I, narrow, 3, 3>.run(call, block: block, phase: 0)
            return
        }
        for phase in 0..<call.pointee.phases.count {
            switch WinogradPhases.isOdd(phase) {
            case (false, false): WinogradInputTiles<I, narrow, 2, 2>.run(call, block: block, phase: phase)
            case (false, true): WinogradInputTiles<I, narrow, 2, 1>.run(call, block: block, phase: phase)
            case (true, false): WinogradInputTiles<I, narrow, 1, 2>.run(call, block: block, phase: phase)
            case (true, true): WinogradInputTiles<I, narrow, 1, 1>.run(call, block: block, phase: phase)
            }
        }
    }
}

/// The tiles of one channel block's phase, whose part of the filter has `rowTaps` × `columnTaps` taps.
public enum WinogradInputTiles<I: InstructionSet, let narrow: Int, let rowTaps: Int, let columnTaps: Int> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// From one pixel that a tile reads to the next, and what of the map comes before the first.
    @inlinable @inline(__always)
    static var stride: Int { rowTaps == 3 ? 1 : 2 }
    @inlinable @inline(__always)
    static var firstRow: Int { rowTaps == 1 ? 1 : 0 }
    @inlinable @inline(__always)
    static var firstColumn: Int { columnTaps == 1 ? 1 : 0 }
    /// Floats from one pixel that a tile reads to the next.
    @inlinable @inline(__always)
    static var pixelStride: Int { stride &* blockWords(isNarrow: isNarrow) }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradInputCall>, block: Int, phase: Int) {
        let rowStride = stride &* call.pointee.rowStride
        let plane =
            call.pointee.input
            + (block &* call.pointee.inputBlockStride &+ firstRow &* call.pointee.rowStride
                &+ firstColumn &* blockWords(isNarrow: isNarrow))
        let target =
            call.pointee.transformed
            + (phase &* call.pointee.ofBlocks &+ block) &* call.pointee.blockStride
        var places = call.pointee.places
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            let isLastRow = tileRow == call.pointee.rows.whole
            let row = plane + tileRow &* WinogradWeights.tile &* rowStride
            for tile in 0..<call.pointee.columns.tiles {
                let isLastColumn = tile == call.pointee.columns.whole
                let source = row + tile &* WinogradWeights.tile &* pixelStride
                let place =
                    target + places.next(isLastRow: isLastRow, isLastColumn: isLastColumn) &* channelBlock
                if isLastRow || isLastColumn {
                    edge(call, source, row: tileRow, column: tile, to: place)
                } else {
                    WinogradInputTile<I, narrow, rowTaps, columnTaps, 4, 4>.transform(
                        call, source, rowStride: rowStride, pixelStride: pixelStride, to: place)
                }
            }
        }
    }

    /// A tile of fewer outputs. Where not all of its inputs can be read, by way of memory of its own.
    @inlinable @inline(__always)
    static func edge(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, row: Int, column: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        let (rows, columns) = (call.pointee.rows.outputs(row), call.pointee.columns.outputs(column))
        // What is left of the phase's own map.
        let height = (call.pointee.height &- firstRow &+ stride &- 1) / stride &- row &* WinogradWeights.tile
        let width =
            (call.pointee.width &- firstColumn &+ stride &- 1) / stride &- column &* WinogradWeights.tile
        let rowStride = stride &* call.pointee.rowStride
        if height >= rows &+ rowTaps &- 1, width >= columns &+ columnTaps &- 1 {
            WinogradInputEdge<I, narrow, rowTaps, columnTaps>.run(
                call, source, rowStride: rowStride, pixelStride: pixelStride, rows: rows, columns: columns,
                to: target)
        } else {
            let copy = call.pointee.scratch + WinogradWeights.elements &* channelBlock
            Self.copy(source, rowStride: rowStride, height: height, width: width, to: copy)
            WinogradInputEdge<I, 0, rowTaps, columnTaps>.run(
                call, copy, rowStride: 6 &* channelBlock, pixelStride: channelBlock, rows: rows,
                columns: columns, to: target)
        }
    }

    /// The part of a tile that can be read, zeros around it.
    @inlinable @inline(__always)
    static func copy(
        _ source: UnsafePointer<Float>, rowStride: Int, height: Int, width: Int,
        to edge: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<6 {
            for column in 0..<6 {
                let isInside = row < height && column < width
                var lane = 0
                while lane < channelBlock {
                    let place = row &* rowStride &+ column &* pixelStride &+ (isNarrow ? lane / 2 : lane)
                    let value =
                        isInside
                        ? I.load(source + place, isNarrow: isNarrow) : I.Vector(repeating: 0)
                    I.store(value, edge + ((row &* 6 &+ column) &* channelBlock &+ lane))
                    lane &+= I.lanes
                }
            }
        }
    }
}

/// Picks the transform of a tile by its outputs.
public enum WinogradInputEdge<I: InstructionSet, let narrow: Int, let rowTaps: Int, let columnTaps: Int> {
    @inlinable @inline(never)
    static func run(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        pixelStride: Int, rows: Int, columns: Int, to target: UnsafeMutablePointer<Float>
    ) {
        switch (rows, columns) {
        case (4, 3):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 4, 3>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (4, 2):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 4, 2>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (3, 4):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 3, 4>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (2, 4):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 2, 4>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (3, 3):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 3, 3>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (3, 2):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 3, 2>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        case (2, 3):
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 2, 3>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        default:
            WinogradInputTile<I, narrow, rowTaps, columnTaps, 2, 2>.transform(
                call, source, rowStride: rowStride, pixelStride: pixelStride, to: target)
        }
    }
}

/// One tile of `rows` × `columns` outputs.
public enum WinogradInputTile<
    I: InstructionSet, let narrow: Int, let rowTaps: Int, let columnTaps: Int, let rows: Int,
    let columns: Int
> {
    /// Vector by vector of channels.
    @inlinable @inline(__always)
    static func transform(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        pixelStride: Int, to target: UnsafeMutablePointer<Float>
    ) {
        var lane = 0
        while lane < channelBlock {
            transformVector(
                call, source + (narrow == 1 ? lane / 2 : lane), rowStride: rowStride,
                pixelStride: pixelStride, to: target + lane)
            lane &+= I.lanes
        }
    }

    /// One vector of channels, columns first. The compiler does not know the loops' counts: it would unroll them and
    /// compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func transformVector(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        pixelStride: Int, to target: UnsafeMutablePointer<Float>
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        var column = source
        var place = scratch
        let lastPlace = csimd_opaque(scratch + (columns &+ columnTaps &- 1) &* I.lanes)
        while UnsafePointer(place) != lastPlace {
            WinogradTransform<I>.input(
                column, stride: rowStride, outputs: rows, taps: rowTaps, isNarrow: narrow == 1
            ) {
                I.store($1, place + $0 &* 6 &* I.lanes)
            }
            column += pixelStride
            place += I.lanes
        }
        // The element of the point at infinity lies after those that the tile does not have.
        let first = rowTaps == 3 ? 0 : 1
        let last = rowTaps > 1 && rows == 4 ? 6 : rows &+ 1
        var row = UnsafePointer(scratch + 6 &* first &* I.lanes)
        var elements = target + 6 &* first &* elementStride
        let lastElements = csimd_opaque(target + 6 &* last &* elementStride)
        while UnsafePointer(elements) != lastElements {
            transformRow(row, elementStride, to: elements)
            row += 6 &* I.lanes
            elements += 6 &* elementStride
        }
        if rowTaps > 1, rows < 4 {
            transformRow(scratch + 30 &* I.lanes, elementStride, to: target + 30 &* elementStride)
        }
    }

    @inlinable @inline(__always)
    static func transformRow(
        _ row: UnsafePointer<Float>, _ elementStride: Int, to elements: UnsafeMutablePointer<Float>
    ) {
        WinogradTransform<I>.input(row, stride: I.lanes, outputs: columns, taps: columnTaps) {
            I.store($1, elements + $0 &* elementStride)
        }
    }
}
