/// Some rows of tiles of one image into the Winograd domain, all operands in channel blocks:
///
///     transformed[e, c, t] = (Bᵀ d[c, t] B)[e]
///
/// where `d[c, t]` are the 6×6 inputs of tile `t`; tiles overlap by two.
///
/// - `input`: at the first tap of output (0, 0) of the image; `height` × `width` of it can be read, beyond is zero. Where
///   `inputIsNarrow`, it holds bfloat16 numbers, two in the place of a float.
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
    public var inputIsNarrow: Bool

    public init(
        input: UnsafePointer<Float>, rowStride: Int, inputBlockStride: Int, height: Int, width: Int,
        transformed: UnsafeMutablePointer<Float>, elementStride: Int, blockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Int, firstTileRow: Int, tileRows: Int, tilesPerRow: Int,
        inputIsNarrow: Bool
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
        let edge = call.pointee.scratch + WinogradWeights.elements &* channelBlock
        var target = call.pointee.transformed + block &* call.pointee.blockStride
        for tileRow in 0..<call.pointee.tileRows {
            let y = (call.pointee.firstTileRow &+ tileRow) &* WinogradWeights.tile
            for tile in 0..<call.pointee.tilesPerRow {
                let x = tile &* WinogradWeights.tile
                let source = plane + (y &* call.pointee.rowStride &+ x &* pixel)
                let (height, width) = (call.pointee.height &- y, call.pointee.width &- x)
                if height < 6 || width < 6 {
                    copy(
                        source, rowStride: call.pointee.rowStride, height: height, width: width, to: edge)
                    WinogradInputTiles<I, 0>.transform(
                        call, edge, rowStride: 6 &* channelBlock, to: target)
                } else {
                    transform(call, source, rowStride: call.pointee.rowStride, to: target)
                }
                target += channelBlock
            }
        }
    }

    /// One tile, vector by vector of channels.
    @inlinable @inline(__always)
    static func transform(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        var lane = 0
        while lane < channelBlock {
            transformVector(
                call, source + (isNarrow ? lane / 2 : lane), rowStride: rowStride, to: target + lane)
            lane &+= I.lanes
        }
    }

    /// One tile of one vector of channels, columns first. Both loops end at an address: with a count the compiler would
    /// unroll them and compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func transformVector(
        _ call: UnsafePointer<WinogradInputCall>, _ source: UnsafePointer<Float>, rowStride: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        var column = source
        var place = scratch
        let lastPlace = scratch + 6 &* I.lanes
        while place != lastPlace {
            WinogradTransform<I>.input(column, stride: rowStride, isNarrow: isNarrow) { row, value in
                I.store(value, place + row &* 6 &* I.lanes)
            }
            column += pixel
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
