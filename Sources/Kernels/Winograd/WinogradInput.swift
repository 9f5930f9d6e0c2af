public import CSIMD

/// Some rows of tiles of one image into the Winograd domain, all operands in channel blocks:
///
///     transformed[e, c, t] = (Bᵀ d[c, t] B)[e]
///
/// where `d[c, t]` are the 6×6 inputs of tile `t`, fewer at the map's edges; tiles overlap by two.
///
/// - `input`: at the first tap of output (0, 0) of the image; `height` × `width` of it can be read, beyond is zero. Where
///   `inputIsNarrow`, it holds bfloat16 numbers, two in the place of a float.
/// - `transformed`: elements `elementStride` apart, in each of them channel blocks `blockStride` apart, in these tiles
///   of 16 floats in the order that `places` says. Elements that a tile does not have are not written.
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
    public var blocks: Int
    /// Of the whole map.
    public var rows: WinogradSide
    public var columns: WinogradSide
    public var places: WinogradPlaces
    public var firstTileRow: Int
    public var tileRows: Int
    public var inputIsNarrow: Bool

    public init(
        input: UnsafePointer<Float>, rowStride: Int, inputBlockStride: Int, height: Int, width: Int,
        transformed: UnsafeMutablePointer<Float>, elementStride: Int, blockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Int, rows: WinogradSide, columns: WinogradSide,
        places: WinogradPlaces, firstTileRow: Int, tileRows: Int, inputIsNarrow: Bool
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
        self.rows = rows
        self.columns = columns
        self.places = places
        self.firstTileRow = firstTileRow
        self.tileRows = tileRows
        self.inputIsNarrow = inputIsNarrow
    }
}

/// Memory that the transforms use meanwhile: a tile of one channel block, and one of a vector of channels.
public enum WinogradScratch {
    public static let count = 2 * WinogradWeights.elements * channelBlock
}

public enum WinogradInput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradInputCall>) {
        for block in 0..<call.pointee.blocks {
            if call.pointee.inputIsNarrow {
                WinogradInputTiles<I, 1>.run(call, block: block)
            } else {
                WinogradInputTiles<I, 0>.run(call, block: block)
            }
        }
    }
}

/// The tiles of one channel block; of bfloat16 numbers where `narrow` is 1.
public enum WinogradInputTiles<I: InstructionSet, let narrow: Int> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// Floats from one pixel to the next.
    @inlinable @inline(__always)
    static var pixel: Int { blockWords(isNarrow: isNarrow) }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradInputCall>, block: Int) {
        let plane = call.pointee.input + block &* call.pointee.inputBlockStride
        let target = call.pointee.transformed + block &* call.pointee.blockStride
        var places = call.pointee.places
        for tileRow in call.pointee.firstTileRow..<call.pointee.firstTileRow &+ call.pointee.tileRows {
            let isLastRow = tileRow == call.pointee.rows.whole
            let row = plane + tileRow &* WinogradWeights.tile &* call.pointee.rowStride
            for tile in 0..<call.pointee.columns.tiles {
                let isLastColumn = tile == call.pointee.columns.whole
                let source = row + tile &* WinogradWeights.tile &* pixel
                let place =
                    target + places.next(isLastRow: isLastRow, isLastColumn: isLastColumn) &* channelBlock
                if isLastRow || isLastColumn {
                    edge(call, source, row: tileRow, column: tile, to: place)
                } else {
                    WinogradInputTile<I, narrow, 4, 4>.transform(
                        call, source, rowStride: call.pointee.rowStride, to: place)
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
        let height = call.pointee.height &- row &* WinogradWeights.tile
        let width = call.pointee.width &- column &* WinogradWeights.tile
        let rowStride = call.pointee.rowStride
        if height >= rows &+ 2, width >= columns &+ 2 {
            WinogradInputEdge<I, narrow>.run(
                call, source, rowStride: rowStride, rows: rows, columns: columns, to: target)
        } else {
            let copy = call.pointee.scratch + WinogradWeights.elements &* channelBlock
            Self.copy(source, rowStride: rowStride, height: height, width: width, to: copy)
            WinogradInputEdge<I, 0>.run(
                call, copy, rowStride: 6 &* channelBlock, rows: rows, columns: columns, to: target)
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
                    let place = row &* rowStride &+ column &* pixel &+ (isNarrow ? lane / 2 : lane)
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
public enum WinogradInputEdge<I: InstructionSet, let narrow: Int> {
    @inlinable @inline(never)
    static func run(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int, rows: Int,
        columns: Int, to target: UnsafeMutablePointer<Float>
    ) {
        switch (rows, columns) {
        case (4, 3):
            WinogradInputTile<I, narrow, 4, 3>.transform(call, source, rowStride: rowStride, to: target)
        case (4, 2):
            WinogradInputTile<I, narrow, 4, 2>.transform(call, source, rowStride: rowStride, to: target)
        case (3, 4):
            WinogradInputTile<I, narrow, 3, 4>.transform(call, source, rowStride: rowStride, to: target)
        case (2, 4):
            WinogradInputTile<I, narrow, 2, 4>.transform(call, source, rowStride: rowStride, to: target)
        case (3, 3):
            WinogradInputTile<I, narrow, 3, 3>.transform(call, source, rowStride: rowStride, to: target)
        case (3, 2):
            WinogradInputTile<I, narrow, 3, 2>.transform(call, source, rowStride: rowStride, to: target)
        case (2, 3):
            WinogradInputTile<I, narrow, 2, 3>.transform(call, source, rowStride: rowStride, to: target)
        default: WinogradInputTile<I, narrow, 2, 2>.transform(call, source, rowStride: rowStride, to: target)
        }
    }
}

/// One tile of `rows` × `columns` outputs.
public enum WinogradInputTile<I: InstructionSet, let narrow: Int, let rows: Int, let columns: Int> {
    /// Vector by vector of channels.
    @inlinable @inline(__always)
    static func transform(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        var lane = 0
        while lane < channelBlock {
            transformVector(
                call, source + (narrow == 1 ? lane / 2 : lane), rowStride: rowStride, to: target + lane)
            lane &+= I.lanes
        }
    }

    /// One vector of channels, columns first. The compiler does not know the loops' counts: it would unroll them and
    /// compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func transformVector(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        var column = source
        var place = scratch
        let lastPlace = csimd_opaque(scratch + (columns &+ 2) &* I.lanes)
        while UnsafePointer(place) != lastPlace {
            WinogradTransform<I>.input(column, stride: rowStride, outputs: rows, isNarrow: narrow == 1) {
                I.store($1, place + $0 &* 6 &* I.lanes)
            }
            column += blockWords(isNarrow: narrow == 1)
            place += I.lanes
        }
        var row = UnsafePointer(scratch)
        var elements = target
        let lastElements = csimd_opaque(target + (rows == 4 ? 36 : (rows &+ 1) &* 6) &* elementStride)
        while UnsafePointer(elements) != lastElements {
            transformRow(row, elementStride, to: elements)
            row += 6 &* I.lanes
            elements += 6 &* elementStride
        }
        // The element of the point at infinity, after those that the tile does not have.
        if rows < 4 { transformRow(scratch + 30 &* I.lanes, elementStride, to: target + 30 &* elementStride) }
    }

    @inlinable @inline(__always)
    static func transformRow(
        _ row: UnsafePointer<Float>, _ elementStride: Int, to elements: UnsafeMutablePointer<Float>
    ) {
        WinogradTransform<I>.input(row, stride: I.lanes, outputs: columns) {
            I.store($1, elements + $0 &* elementStride)
        }
    }
}
