public import CSIMD

/// One pass of register tiles over a map: the tiles of one panel of output channels, for a part of the reduction.
@frozen public struct TilePass {
    /// First output channel of the panel.
    @usableFromInline var channel: Int
    /// Whether the pass follows on what the output holds: the first pass of a panel starts from bias and residual.
    @usableFromInline var resumes: Bool
    /// Whether it is the panel's last one, in a convolution with a ReLU.
    @usableFromInline var rectifies: Bool
    /// The runs that the pass adds, what each of them asks for, and their weights.
    @usableFromInline var runs: UnsafePointer<Int32>
    @usableFromInline var ahead: UnsafePointer<Int32>
    @usableFromInline var runCount: Int
    @usableFromInline var weights: UnsafePointer<Float>
    @usableFromInline var walk: TileWalk
    /// Weights of the pass after this one that are still to be asked for, and how many lines of them with each run; 0
    /// where all weights stay in the cache.
    @usableFromInline var upcoming: UnsafePointer<Float>
    @usableFromInline var upcomingLines = 0

    @inlinable @inline(__always)
    init(
        _ call: UnsafePointer<ConvolutionCall>, channel: Int, runs range: Range<Int>,
        weights: UnsafePointer<Float>, upcoming: UnsafePointer<Float>
    ) {
        self.channel = channel
        resumes = range.lowerBound > 0
        rectifies = call.pointee.rectifies && range.upperBound == call.pointee.runCount
        runs = call.pointee.runs + range.lowerBound
        ahead = call.pointee.ahead + range.lowerBound
        runCount = range.count
        self.weights = weights
        self.upcoming = upcoming
        walk = TileWalk(call, channel: channel, column: 0, piecesPerRow: 0)
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
    @usableFromInline var piecesPerRow: Int
    /// The next piece of its row, and where it starts.
    @usableFromInline var piece = 0
    @usableFromInline var input: UnsafePointer<Float>
    @usableFromInline var output: UnsafeMutablePointer<Float>
    @usableFromInline var residual: UnsafePointer<Float>?

    /// A walk over the pieces to the right of `column`.
    @inlinable @inline(__always)
    init(_ call: UnsafePointer<ConvolutionCall>, channel: Int, column: Int, piecesPerRow: Int) {
        let (block, lane) = (channel / channelBlock, channel % channelBlock)
        let pixel = blockWords(isNarrow: call.pointee.resultIsNarrow)
        let place = column &* pixel &+ (call.pointee.resultIsNarrow ? lane / 2 : lane)
        self.piecesPerRow = piecesPerRow
        input = call.pointee.input + column &* call.pointee.inputPixelStride
        output = call.pointee.output + (block &* call.pointee.outputBlockStride &+ place)
        residual = call.pointee.residual.map { $0 + (block &* call.pointee.residualBlockStride &+ place) }
    }

    /// Goes on by `count` pieces of `pixels` pixels.
    @inlinable @inline(__always)
    mutating func advance(by count: Int, pixels: Int, _ call: UnsafePointer<ConvolutionCall>) {
        let inputStep = pixels &* call.pointee.inputPixelStride
        let outputStep = pixels &* blockWords(isNarrow: call.pointee.resultIsNarrow)
        input += count &* inputStep
        output += count &* outputStep
        residual = residual.map { $0 + count &* outputStep }
        piece &+= count
        while piece >= piecesPerRow {
            piece &-= piecesPerRow
            input += call.pointee.inputRowStride &- piecesPerRow &* inputStep
            output += call.pointee.outputRowStride &- piecesPerRow &* outputStep
            residual = residual.map { $0 + (call.pointee.residualRowStride &- piecesPerRow &* outputStep) }
        }
    }
}
