/// Some rows of tiles of one image into the Winograd domain, all operands in channel blocks:
///
///     transformed[e, c, t] = (Bᵀ d[c, t] B)[e]
///
/// where `d[c, t]` are the 6×6 inputs of tile `t`; tiles overlap by two.
///
/// - `input`: at the first tap of output (0, 0) of the image; `height` × `width` of it can be read, beyond is zero.
/// - `transformed`: elements `elementStride` apart, in each of them channel blocks `blockStride` apart, in these tiles
///   of 16 floats in row-major order.
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
    public var firstTileRow: Int
    public var tileRows: Int
    public var tilesPerRow: Int

    public init(
        input: UnsafePointer<Float>, rowStride: Int, inputBlockStride: Int, height: Int, width: Int,
        transformed: UnsafeMutablePointer<Float>, elementStride: Int, blockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Int, firstTileRow: Int, tileRows: Int, tilesPerRow: Int
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
        self.firstTileRow = firstTileRow
        self.tileRows = tileRows
        self.tilesPerRow = tilesPerRow
    }
}

/// Memory that the transforms use meanwhile: a tile of one channel block, and one of a vector of channels.
public enum WinogradScratch {
    public static let count = 2 * WinogradWeights.elements * channelBlock
}

public enum WinogradInput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradInputCall>) {
        for block in 0..<call.pointee.blocks { tiles(call, block: block) }
    }

    @inlinable @inline(never)
    static func tiles(_ call: UnsafePointer<WinogradInputCall>, block: Int) {
        let plane = call.pointee.input + block &* call.pointee.inputBlockStride
        let edge = call.pointee.scratch + WinogradWeights.elements &* channelBlock
        var target = call.pointee.transformed + block &* call.pointee.blockStride
        for tileRow in 0..<call.pointee.tileRows {
            let y = (call.pointee.firstTileRow &+ tileRow) &* WinogradWeights.tile
            for tile in 0..<call.pointee.tilesPerRow {
                let x = tile &* WinogradWeights.tile
                var source = plane + (y &* call.pointee.rowStride &+ x &* channelBlock)
                var rowStride = call.pointee.rowStride
                let (height, width) = (call.pointee.height &- y, call.pointee.width &- x)
                if height < 6 || width < 6 {
                    copy(source, rowStride: rowStride, height: height, width: width, to: edge)
                    source = UnsafePointer(edge)
                    rowStride = 6 &* channelBlock
                }
                var lane = 0
                while lane < channelBlock {
                    transform(call, source + lane, rowStride: rowStride, to: target + lane)
                    lane &+= I.lanes
                }
                target += channelBlock
            }
        }
    }

    /// One tile of one vector of channels, columns first. Both loops end at an address: with a count the compiler would
    /// unroll them and compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func transform(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        var column = source
        var place = scratch
        let lastPlace = scratch + 6 &* I.lanes
        while place != lastPlace {
            WinogradTransform<I>.input(column, stride: rowStride) { row, value in
                I.store(value, place + row &* 6 &* I.lanes)
            }
            column += channelBlock
            place += I.lanes
        }
        var row = UnsafePointer(scratch)
        var elements = target
        let lastElements = target + 36 &* elementStride
        while elements != lastElements {
            WinogradTransform<I>.input(row, stride: I.lanes) { column, value in
                I.store(value, elements + column &* elementStride)
            }
            row += 6 &* I.lanes
            elements += 6 &* elementStride
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
                    let value =
                        isInside
                        ? I.load(source + (row &* rowStride &+ column &* channelBlock &+ lane))
                        : I.Vector(repeating: 0)
                    I.store(value, edge + ((row &* 6 &+ column) &* channelBlock &+ lane))
                    lane &+= I.lanes
                }
            }
        }
    }
}
