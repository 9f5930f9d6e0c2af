public import CSIMD

/// One pass of register tiles over a map: the tiles of one panel of output channels, for a part of the reduction.
@frozen public struct TilePass {
    /// First output channel of the panel.
    @usableFromInline var channel: Int
    /// The runs of the reduction that the pass adds. The first of them follows on bias and residual, others on what
    /// the output holds.
    @usableFromInline var firstRun: Int
    @usableFromInline var runCount: Int
    /// Their weights.
    @usableFromInline var weights: UnsafePointer<Float>
    /// The columns that the pass takes, and the next piece of them.
    @usableFromInline var firstColumn = 0
    @usableFromInline var walk: TileWalk
    /// Weights of the pass after this one that are still to be asked for, and how many lines of them in each run; 0
    /// where all weights stay in the cache.
    @usableFromInline var upcoming: UnsafePointer<Float>
    @usableFromInline var upcomingLines = 0

    @inlinable @inline(__always)
    init(
        channel: Int, runs: Range<Int>, weights: UnsafePointer<Float>, upcoming: UnsafePointer<Float>,
        height: Int
    ) {
        self.channel = channel
        firstRun = runs.lowerBound
        runCount = runs.count
        self.weights = weights
        self.upcoming = upcoming
        walk = TileWalk(height: height)
    }

    /// Asks for the next lines of upcoming weights, at most eight.
    @inlinable @inline(__always)
    mutating func prefetchWeights(lines: Int) {
        csimd_prefetch_l2(upcoming)
        if lines > 1 { csimd_prefetch_l2(upcoming + channelBlock) }
        if lines > 2 {
            csimd_prefetch_l2(upcoming + 2 &* channelBlock)
            csimd_prefetch_l2(upcoming + 3 &* channelBlock)
        }
        if lines > 4 {
            for line in 4..<8 { csimd_prefetch_l2(upcoming + line &* channelBlock) }
        }
        upcoming += lines &* channelBlock
    }
}

/// A walk over pieces of equal width, row by row.
@frozen public struct TileWalk {
    @usableFromInline var piecesPerRow = 0
    @usableFromInline var height: Int
    /// The next piece.
    @usableFromInline var row = 0
    @usableFromInline var piece = 0

    @inlinable @inline(__always)
    init(height: Int) { self.height = height }

    /// Goes back to the first piece of rows of `piecesPerRow`.
    @inlinable @inline(__always)
    mutating func restart(piecesPerRow: Int) {
        self.piecesPerRow = piecesPerRow
        row = 0
        piece = 0
    }

    @inlinable @inline(__always)
    mutating func advance(by count: Int) {
        piece &+= count
        while piece >= piecesPerRow {
            piece &-= piecesPerRow
            row &+= 1
        }
    }
}
