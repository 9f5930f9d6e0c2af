/// Direct convolution: panels of output channels, each cut into register tiles.
///
/// `vectors · lanes` channels make a panel; where these are more than a channel block, a last panel of one block
/// (`lastVectors · lanes` channels, in tiles of `lastSegments` single pixels) serves odd numbers of blocks. Rows are cut into pieces of at most `pixels` pixels,
/// as even as can be; a tile takes at most `segments` pieces of one width in row-major order, across the ends of rows,
/// so that small maps fill it too. No output depends on the tile that it is in.
public enum DirectConvolution<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let lastVectors: Int,
    let lastSegments: Int, let pixelStride: Int, let inputWords: Int, let asksAhead: Int
> {
    @inlinable @inline(__always)
    public static var panelLanes: Int { vectors &* I.lanes }

    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<ConvolutionCall>) {
        let lastLanes = call.pointee.blocks &* channelBlock % panelLanes
        let panels = call.pointee.blocks &* channelBlock / panelLanes
        let passes = (call.pointee.runCount &+ call.pointee.runsPerPass &- 1) / call.pointee.runsPerPass
        if call.pointee.passesOutermost {
            for pass in 0..<passes {
                for panel in 0..<panels {
                    run(
                        call, pass: pass, panel: panel,
                        upcoming: panel &+ 1 < panels
                            ? weights(call, pass: pass, panel: panel &+ 1)
                            : pass &+ 1 < passes
                                ? weights(call, pass: pass &+ 1, panel: 0)
                                : call.pointee.followingWeights)
                }
            }
        } else {
            for panel in 0..<panels {
                for pass in 0..<passes {
                    run(
                        call, pass: pass, panel: panel,
                        upcoming: pass &+ 1 < passes
                            ? weights(call, pass: pass &+ 1, panel: panel)
                            : panel &+ 1 < panels
                                ? weights(call, pass: 0, panel: panel &+ 1)
                                : call.pointee.followingWeights)
                }
            }
        }
        guard panelLanes > channelBlock, lastLanes > 0 else { return }
        let rest = weights(call, pass: 0, panel: panels)
        var pass = TilePass(
            call, channel: panels &* panelLanes, runs: 0..<call.pointee.runCount, weights: rest,
            upcoming: rest)
        pass.walk.piecesPerRow = call.pointee.width
        SegmentTiles<I, lastVectors, lastSegments, 1, 0, inputWords, asksAhead>.run(call, &pass)
        noteStatistics(call, channel: panels &* panelLanes, lanes: lastLanes)
    }

    /// The weights of one pass of one panel.
    @inlinable @inline(__always)
    static func weights(
        _ call: UnsafePointer<ConvolutionCall>, pass: Int, panel: Int
    ) -> UnsafePointer<Float> {
        let run = panel &* call.pointee.runCount &+ pass &* call.pointee.runsPerPass
        return call.pointee.weights + run &* call.pointee.runLength &* panelLanes
    }

    @inlinable @inline(__always)
    static func run(
        _ call: UnsafePointer<ConvolutionCall>, pass index: Int, panel: Int, upcoming: UnsafePointer<Float>
    ) {
        let first = index &* call.pointee.runsPerPass
        let count = min(call.pointee.runsPerPass, call.pointee.runCount &- first)
        var pass = TilePass(
            call, channel: panel &* panelLanes, runs: first..<first &+ count,
            weights: weights(call, pass: index, panel: panel), upcoming: upcoming)
        PieceTiles<I, vectors, segments, pixels, pixelStride, inputWords, asksAhead>.run(
            call, &pass, upcomingLines: count &* call.pointee.runLength &* panelLanes / channelBlock)
        if first &+ count == call.pointee.runCount {
            noteStatistics(call, channel: panel &* panelLanes, lanes: panelLanes)
        }
    }

    /// Notes the statistics of a panel's results, which its last pass has just left in the cache; where a channel block
    /// has several panels, after its last one.
    @inlinable @inline(__always)
    static func noteStatistics(_ call: UnsafePointer<ConvolutionCall>, channel panel: Int, lanes: Int) {
        let end = panel &+ lanes
        guard !I.takesPairs, let statistics = call.pointee.statistics, end % channelBlock == 0 else { return }
        let channel = panel / channelBlock &* channelBlock
        var rows = RowStatisticsCall(
            input: call.pointee.output + channel / channelBlock &* call.pointee.outputBlockStride,
            rowStride: call.pointee.outputRowStride, blockStride: call.pointee.outputBlockStride,
            notes: statistics + channel, notesRowStride: 3 &* call.pointee.blocks &* channelBlock,
            blocks: (end &- channel) / channelBlock, height: call.pointee.height, width: call.pointee.width)
        RowStatistics<I>.run(&rows)
    }
}

/// Cuts rows into pieces of at most `pixels` pixels, as even as can be, and picks the tile for each width. Wider tiles
/// cost no code.
public enum PieceTiles<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let pixelStride: Int,
    let inputWords: Int, let asksAhead: Int
> {
    @usableFromInline
    typealias Tiles<let width: Int> = SegmentTiles<
        I, vectors, segments, width, pixelStride, inputWords, asksAhead
    >

    @inlinable @inline(__always)
    static func run(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>, upcomingLines: Int
    ) {
        let width = call.pointee.width
        let pieces = (width &+ pixels &- 1) / pixels
        let narrow = width / pieces
        let wideCount = width % pieces
        if wideCount > 0 {
            pass.pointee.walk.piecesPerRow = wideCount
            run(narrow &+ 1, call, pass)
        }
        pass.pointee.walk = TileWalk(
            call, channel: pass.pointee.channel, column: wideCount &* (narrow &+ 1),
            piecesPerRow: pieces &- wideCount)
        if call.pointee.prefetchesWeights {
            let tiles = ((pieces &- wideCount) &* call.pointee.height &+ segments &- 1) / segments
            let runs = tiles &* pass.pointee.runCount
            pass.pointee.upcomingLines = min((upcomingLines &+ runs &- 1) / runs, 8)
        }
        run(narrow, call, pass)
    }

    @inlinable @inline(__always)
    static func run(
        _ width: Int, _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>
    ) {
        switch width {
        case 1: Tiles<1>.run(call, pass)
        case 2 where pixels >= 2: Tiles<2>.run(call, pass)
        case 3 where pixels >= 3: Tiles<3>.run(call, pass)
        case 4 where pixels >= 4: Tiles<4>.run(call, pass)
        case 5 where pixels >= 5: Tiles<5>.run(call, pass)
        case 6 where pixels >= 6: Tiles<6>.run(call, pass)
        case 7 where pixels >= 7: Tiles<7>.run(call, pass)
        default: break
        }
    }
}

/// Deals the pieces of one pass to tiles of at most `segments` pieces, whose sizes differ by at most one. Tiles go on
/// across the ends of rows.
public enum SegmentTiles<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let pixelStride: Int,
    let inputWords: Int, let asksAhead: Int
> {
    @usableFromInline
    typealias Tile<let count: Int> = ConvolutionTile<
        I, vectors, count, pixels, pixelStride, inputWords, asksAhead
    >

    @inlinable @inline(__always)
    static func run(_ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>) {
        let pieces = pass.pointee.walk.piecesPerRow &* call.pointee.height
        let tiles = (pieces &+ segments &- 1) / segments
        let small = pieces / tiles
        let large = pieces % tiles
        if large > 0 { run(small &+ 1, call, pass, count: large) }
        run(small, call, pass, count: tiles &- large)
    }

    @inlinable @inline(__always)
    static func run(
        _ size: Int, _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>,
        count: Int
    ) {
        switch size {
        case 1: Tile<1>.run(call, pass, count: count)
        case 2 where segments >= 2: Tile<2>.run(call, pass, count: count)
        case 3 where segments >= 3: Tile<3>.run(call, pass, count: count)
        case 4 where segments >= 4: Tile<4>.run(call, pass, count: count)
        case 5 where segments >= 5: Tile<5>.run(call, pass, count: count)
        case 6 where segments >= 6: Tile<6>.run(call, pass, count: count)
        case 7 where segments >= 7: Tile<7>.run(call, pass, count: count)
        case 8 where segments >= 8: Tile<8>.run(call, pass, count: count)
        default: break
        }
    }
}
