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
    public var blocks: Int
    public var height: Int
    public var width: Int
    public var firstTileRow: Int
    public var tileRows: Int
    public var tilesPerRow: Int
    public var rectifies: Bool
    public var resultIsNarrow: Bool

    public init(
        products: UnsafePointer<Float>, elementStride: Int, blockStride: Int, bias: UnsafePointer<Float>,
        residual: UnsafePointer<Float>?, residualRowStride: Int, residualBlockStride: Int,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int, outputBlockStride: Int,
        scratch: UnsafeMutablePointer<Float>, blocks: Int, height: Int, width: Int, firstTileRow: Int,
        tileRows: Int, tilesPerRow: Int, rectifies: Bool,
        resultIsNarrow: Bool
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
        self.resultIsNarrow = resultIsNarrow
    }
}

public enum WinogradOutput<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in 0..<call.pointee.blocks {
            switch (call.pointee.residual != nil, call.pointee.rectifies) {
            case (false, false): WinogradOutputTiles<I, 0, 0, 0>.run(call, block)
            case (false, true): WinogradOutputTiles<I, 0, 1, 0>.run(call, block)
            case (true, false): WinogradOutputTiles<I, 1, 0, 0>.run(call, block)
            case (true, true): WinogradOutputTiles<I, 1, 1, 0>.run(call, block)
            }
        }
    }

    /// Results of bfloat16: where rounding takes several instructions, each tile by way of memory.
    @inlinable @inline(__always)
    public static func runNarrow(_ call: UnsafePointer<WinogradOutputCall>) {
        for block in 0..<call.pointee.blocks {
            if !I.narrowsByInstruction {
                edges(call, block)
            } else {
                switch (call.pointee.residual != nil, call.pointee.rectifies) {
                case (false, false): WinogradOutputTiles<I, 0, 0, 1>.run(call, block)
                case (false, true): WinogradOutputTiles<I, 0, 1, 1>.run(call, block)
                case (true, false): WinogradOutputTiles<I, 1, 0, 1>.run(call, block)
                case (true, true): WinogradOutputTiles<I, 1, 1, 1>.run(call, block)
                }
            }
        }
    }

    /// All tiles of a channel block as if they reached over the edge.
    @inlinable @inline(__always)
    static func edges(_ call: UnsafePointer<WinogradOutputCall>, _ block: Int) {
        var source = call.pointee.products + block &* call.pointee.blockStride
        for tileRow in 0..<call.pointee.tileRows {
            let y = (call.pointee.firstTileRow &+ tileRow) &* WinogradWeights.tile
            for tile in 0..<call.pointee.tilesPerRow {
                edge(call, block, source, y: y, x: tile &* WinogradWeights.tile)
                source += channelBlock
            }
        }
    }

    /// A tile that reaches over the map's edge, by way of memory of its own.
    @inlinable @inline(never)
    static func edge(
        _ call: UnsafePointer<WinogradOutputCall>, _ block: Int, _ source: UnsafePointer<Float>, y: Int,
        x: Int
    ) {
        let tileStride = WinogradWeights.tile &* channelBlock
        let tile = call.pointee.scratch + WinogradWeights.elements &* channelBlock
        WinogradOutputTiles<I, 0, 0, 0>.whole(
            call, block, source, UnsafePointer(tile), residualRowStride: 0, to: tile, rowStride: tileStride)
        let isNarrow = call.pointee.resultIsNarrow
        let pixel = blockWords(isNarrow: isNarrow)
        let output = call.pointee.output + (block &* call.pointee.outputBlockStride &+ x &* pixel)
        let residual = call.pointee.residual.map {
            $0 + (block &* call.pointee.residualBlockStride &+ x &* pixel)
        }
        for row in 0..<min(call.pointee.height &- y, WinogradWeights.tile) {
            let floats = min(call.pointee.width &- x, WinogradWeights.tile) &* channelBlock
            var at = 0
            while at < floats {
                var result = I.load(tile + (row &* tileStride &+ at))
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

/// The tiles of one channel block. Where `addsResidual` and `rectifies` are 1, they do; where `narrow` is 1, results are
/// bfloat16 numbers.
public enum WinogradOutputTiles<
    I: InstructionSet, let addsResidual: Int, let rectifies: Int, let narrow: Int
> {
    @inlinable @inline(__always)
    static var isNarrow: Bool { narrow == 1 }
    /// Floats from one pixel of the result to the next.
    @inlinable @inline(__always)
    static var pixel: Int { blockWords(isNarrow: isNarrow) }

    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<WinogradOutputCall>, _ block: Int) {
        var source = call.pointee.products + block &* call.pointee.blockStride
        let outputRowStride = call.pointee.outputRowStride
        let residualRowStride = addsResidual == 1 ? call.pointee.residualRowStride : 0
        let output = call.pointee.output + block &* call.pointee.outputBlockStride
        // Without a residual what is written stands in for it and is not read.
        let residual =
            (call.pointee.residual ?? UnsafePointer(call.pointee.output))
            + block &* call.pointee.residualBlockStride
        for tileRow in 0..<call.pointee.tileRows {
            let y = (call.pointee.firstTileRow &+ tileRow) &* WinogradWeights.tile
            for tile in 0..<call.pointee.tilesPerRow {
                let x = tile &* WinogradWeights.tile
                if call.pointee.height &- y >= WinogradWeights.tile,
                    call.pointee.width &- x >= WinogradWeights.tile
                {
                    whole(
                        call, block, source, residual + (y &* residualRowStride &+ x &* pixel),
                        residualRowStride: residualRowStride,
                        to: output + (y &* outputRowStride &+ x &* pixel), rowStride: outputRowStride)
                } else {
                    WinogradOutput<I>.edge(call, block, source, y: y, x: x)
                }
                source += channelBlock
            }
        }
    }

    /// A tile of which all results are wanted. Both loops end at an address: with a count the compiler would unroll them
    /// and compute 36 addresses anew for each tile.
    @inlinable @inline(__always)
    static func whole(
        _ call: UnsafePointer<WinogradOutputCall>, _ block: Int, _ source: UnsafePointer<Float>,
        _ residual: UnsafePointer<Float>, residualRowStride: Int, to output: UnsafeMutablePointer<Float>,
        rowStride: Int
    ) {
        let scratch = call.pointee.scratch
        let elementStride = call.pointee.elementStride
        var lane = 0
        while lane < channelBlock {
            var column = source + lane
            var place = scratch
            let lastPlace = scratch + 6 &* I.lanes
            while place != lastPlace {
                let y = WinogradTransform<I>.output(column, stride: 6 &* elementStride)
                I.store(y.0, place)
                I.store(y.1, place + 6 &* I.lanes)
                I.store(y.2, place + 12 &* I.lanes)
                I.store(y.3, place + 18 &* I.lanes)
                column += elementStride
                place += I.lanes
            }
            let bias = I.load(call.pointee.bias + (block &* channelBlock &+ lane))
            var row = UnsafePointer(scratch)
            let lastRow = row + 24 &* I.lanes
            let start = isNarrow ? lane / 2 : lane
            var target = output + start
            var added = residual + start
            while row != lastRow {
                let y = WinogradTransform<I>.output(row, stride: I.lanes)
                finish(y.0 + bias, added, to: target, 0)
                finish(y.1 + bias, added, to: target, 1)
                finish(y.2 + bias, added, to: target, 2)
                finish(y.3 + bias, added, to: target, 3)
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
