/// What batch normalisation wants to know of a convolution's result, noted tile by tile while the tile is in L1: for
/// each row of each channel its first value, and the sums of the differences from it and of their squares.
///
/// A row is summed from left to right, whatever tiles it is cut into, and about a value of its own: nothing cancels, and
/// no bit depends on the tiles. `ConvolutionCall.statistics` says where the sums stand.
public enum TileStatistics<I: InstructionSet, let vectors: Int> {
    /// Takes in a tile of `pieces` pieces of `pixels` pixels that starts at `walk`; its results are in the output.
    @inlinable @inline(never)
    static func add(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafePointer<TilePass>, _ walk: TileWalk,
        pieces: Int,
        pixels: Int, to statistics: UnsafeMutablePointer<Float>
    ) {
        let channels = call.pointee.blocks &* channelBlock
        let column = pass.pointee.firstColumn
        var (row, piece, remaining) = (walk.row, walk.piece, pieces)
        while remaining > 0 {
            let count = min(remaining, walk.piecesPerRow &- piece)
            let results = row &* call.pointee.outputRowStride &+ (column &+ piece &* pixels) &* channelBlock
            for v in 0..<vectors {
                let channel = pass.pointee.channel &+ v &* I.lanes
                let place = channel / channelBlock &* call.pointee.outputBlockStride &+ channel % channelBlock
                add(
                    UnsafePointer(call.pointee.output) + (results &+ place), count: count &* pixels,
                    startsRow: column &+ piece == 0, to: statistics + (row &* 3 &* channels &+ channel),
                    channels)
            }
            remaining &-= count
            piece = 0
            row &+= 1
        }
    }

    /// Takes in `count` pixels of one row of one vector of channels.
    @inlinable @inline(__always)
    static func add(
        _ values: UnsafePointer<Float>, count: Int, startsRow: Bool, to entry: UnsafeMutablePointer<Float>,
        _ channels: Int
    ) {
        var shift = I.load(values)
        var sum = I.Vector(repeating: 0)
        var squares = I.Vector(repeating: 0)
        if startsRow {
            I.store(shift, entry)
        } else {
            shift = I.load(entry)
            sum = I.load(entry + channels)
            squares = I.load(entry + 2 &* channels)
        }
        for pixel in 0..<count {
            let difference = I.load(values + pixel &* channelBlock) - shift
            sum += difference
            squares = I.multiplyAdd(squares, difference, difference)
        }
        I.store(sum, entry + channels)
        I.store(squares, entry + 2 &* channels)
    }
}
