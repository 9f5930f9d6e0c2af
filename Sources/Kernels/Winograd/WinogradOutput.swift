/// Some rows of tiles of one image back from the Winograd domain, all operands in channel blocks:
///
///     output[k, y, x] = act(bias[k] + residual[k, y, x] + (Aᵀ m[k, t] A)[y mod 4, x mod 4])
///
/// where `m[k, t]` are the 36 products of the tile `t` that holds (y, x).
///
/// - `products`: as `WinogradInputCall.transformed`.
/// - `bias`: `blocks · 16` floats.
/// - `residual`: nil, or a map that may be `output` itself, else does not overlap it.
/// - `output`: at output (0, 0) of the image; the kernel writes what lies within `height` × `width` of its tiles.
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
    public var blocks: Int
    public var height: Int
    public var width: Int
    public var firstTileRow: Int
    public var tileRows: Int
    public var tilesPerRow: Int
    public var rectifies: Bool

    public init(
        products: UnsafePointer<Float>, elementStride: Int, blockStride: Int, bias: UnsafePointer<Float>,
        residual: UnsafePointer<Float>?, residualRowStride: Int, residualBlockStride: Int,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int, outputBlockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Int, height: Int, width: Int, firstTileRow: Int,
        tileRows: Int, tilesPerRow: Int, rectifies: Bool
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
        self.firstTileRow = firstTileRow
        self.tileRows = tileRows
        self.tilesPerRow = tilesPerRow
        self.rectifies = rectifies
    }
}

public enum WinogradOutput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in 0..<call.pointee.blocks { tiles(call, block: block) }
    }

    @inlinable @inline(never)
    static func tiles(_ call: UnsafePointer<WinogradOutputCall>, block: Int) {
        var source = call.pointee.products + block &* call.pointee.blockStride
        for tileRow in 0..<call.pointee.tileRows {
            let y = (call.pointee.firstTileRow &+ tileRow) &* WinogradWeights.tile
            for tile in 0..<call.pointee.tilesPerRow {
                let x = tile &* WinogradWeights.tile
                var lane = 0
                while lane < channelBlock {
                    transform(call, source + lane, block: block, lane: lane, y: y, x: x)
                    lane &+= I.lanes
                }
                source += channelBlock
            }
        }
    }

    /// One tile of one vector of channels.
    @inlinable @inline(__always)
    static func transform(
        _ call: UnsafePointer<WinogradOutputCall>, _ source: UnsafePointer<Float>, block: Int, lane: Int,
        y: Int, x: Int
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        for column in 0..<6 {
            let y = WinogradTransform<I>.output(source + column &* elementStride, stride: 6 &* elementStride)
            let target = scratch + column &* I.lanes
            I.store(y.0, target)
            I.store(y.1, target + 6 &* I.lanes)
            I.store(y.2, target + 12 &* I.lanes)
            I.store(y.3, target + 18 &* I.lanes)
        }
        let bias = I.load(call.pointee.bias + (block &* channelBlock &+ lane))
        let rows = min(4, call.pointee.height &- y)
        let columns = min(4, call.pointee.width &- x)
        for row in 0..<rows {
            let results = WinogradTransform<I>.output(scratch + row &* 6 &* I.lanes, stride: I.lanes)
            let place = Place(block: block, y: y &+ row, x: x, lane: lane)
            finish(call, results.0 + bias, at: place, 0)
            if columns > 1 { finish(call, results.1 + bias, at: place, 1) }
            if columns > 2 { finish(call, results.2 + bias, at: place, 2) }
            if columns > 3 { finish(call, results.3 + bias, at: place, 3) }
        }
    }

    /// The first of a tile's results in one row.
    @usableFromInline
    struct Place {
        @usableFromInline var block: Int
        @usableFromInline var y: Int
        @usableFromInline var x: Int
        @usableFromInline var lane: Int

        @inlinable @inline(__always)
        init(block: Int, y: Int, x: Int, lane: Int) {
            self.block = block
            self.y = y
            self.x = x
            self.lane = lane
        }

        @inlinable @inline(__always)
        func offset(blockStride: Int, rowStride: Int) -> Int {
            block &* blockStride &+ y &* rowStride &+ x &* channelBlock &+ lane
        }
    }

    /// Adds the residual to the result `column` pixels to the right of `place`, rectifies and stores it.
    @inlinable @inline(__always)
    static func finish(
        _ call: UnsafePointer<WinogradOutputCall>, _ result: I.Vector, at place: Place, _ column: Int
    ) {
        var result = result
        if let residual = call.pointee.residual {
            let offset = place.offset(
                blockStride: call.pointee.residualBlockStride, rowStride: call.pointee.residualRowStride)
            result += I.load(residual + (offset &+ column &* channelBlock))
        }
        if call.pointee.rectifies { result = I.rectified(result) }
        let offset = place.offset(
            blockStride: call.pointee.outputBlockStride, rowStride: call.pointee.outputRowStride)
        I.store(result, call.pointee.output + (offset &+ column &* channelBlock))
    }
}
