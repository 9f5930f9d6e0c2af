/// What batch normalisation wants to know of a map in the blocked layout: for each row of each channel its first value,
/// and the sums over the row of the differences from it and of their squares.
///
///     notes[y, 0, c] = input[c, y, 0]
///     notes[y, 1, c] = Σ_x (input[c, y, x] − input[c, y, 0])
///     notes[y, 2, c] = Σ_x (input[c, y, x] − input[c, y, 0])²
///
/// Differences from a value of the row itself do not cancel. Four columns in turn have a sum each, and these are added
/// last, so a row's notes depend on nothing but its values.
///
/// - `notes`: rows of `notesRowStride` floats; the three of a row are a third of it apart.
public struct RowStatisticsCall {
    public var input: UnsafePointer<Float>
    public var rowStride: Int
    public var blockStride: Int
    public var notes: UnsafeMutablePointer<Float>
    public var notesRowStride: Int
    public var blocks: Int
    public var height: Int
    public var width: Int

    public init(
        input: UnsafePointer<Float>, rowStride: Int, blockStride: Int, notes: UnsafeMutablePointer<Float>,
        notesRowStride: Int, blocks: Int, height: Int, width: Int
    ) {
        self.input = input
        self.rowStride = rowStride
        self.blockStride = blockStride
        self.notes = notes
        self.notesRowStride = notesRowStride
        self.blocks = blocks
        self.height = height
        self.width = width
    }
}

public enum RowStatistics<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<RowStatisticsCall>) {
        for block in 0..<call.pointee.blocks { rows(call, block: block) }
    }

    @inlinable @inline(never)
    static func rows(_ call: UnsafePointer<RowStatisticsCall>, block: Int) {
        let third = call.pointee.notesRowStride / 3
        for y in 0..<call.pointee.height {
            let row = call.pointee.input + (block &* call.pointee.blockStride &+ y &* call.pointee.rowStride)
            let notes = call.pointee.notes + (block &* channelBlock &+ y &* call.pointee.notesRowStride)
            var lane = 0
            while lane < channelBlock {
                let (first, sum, squares) = sums(row + lane, width: call.pointee.width)
                I.store(first, notes + lane)
                I.store(sum, notes + (lane &+ third))
                I.store(squares, notes + (lane &+ 2 &* third))
                lane &+= I.lanes
            }
        }
    }

    /// One row of one vector of channels.
    @inlinable @inline(__always)
    static func sums(
        _ row: UnsafePointer<Float>, width: Int
    ) -> (first: I.Vector, sum: I.Vector, squares: I.Vector) {
        let first = I.load(row)
        var sums = InlineArray<4, I.Vector>(repeating: I.Vector(repeating: 0))
        var squares = sums
        var x = 0
        while x &+ 4 <= width {
            for column in 0..<4 {
                let difference = I.load(row + (x &+ column) &* channelBlock) - first
                sums[column] += difference
                squares[column] = I.multiplyAdd(squares[column], difference, difference)
            }
            x &+= 4
        }
        for column in 0..<3 where x &+ column < width {
            let difference = I.load(row + (x &+ column) &* channelBlock) - first
            sums[column] += difference
            squares[column] = I.multiplyAdd(squares[column], difference, difference)
        }
        return (
            first, (sums[0] + sums[1]) + (sums[2] + sums[3]),
            (squares[0] + squares[1]) + (squares[2] + squares[3])
        )
    }
}
