public import CSIMD

/// The register tile of direct convolution: `vectors` vectors of output channels × `segments` pieces of `pixels`
/// neighbouring output pixels each, the whole reduction in registers.
///
/// `pixelStride` is the distance in floats between the inputs of neighbouring outputs of a piece, 0 where a piece is
/// one pixel. `inputWords` is the number of floats, or pairs, that lie side by side in the input: 16 in the blocked layout,
/// 8 where it holds pairs of bfloat16 numbers, 1 in the planar one. `asksAhead` is 1 where runs ask for inputs of later ones: short reductions lose more by the
/// instructions than they gain.
public enum ConvolutionTile<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let pixelStride: Int,
    let inputWords: Int, let asksAhead: Int
> {
    @usableFromInline typealias Offsets = InlineArray<segments, Int>
    @usableFromInline typealias Pointers = InlineArray<segments, UnsafePointer<Float>>
    @usableFromInline typealias Row = InlineArray<pixels, I.Vector>
    @usableFromInline typealias Rows = InlineArray<segments, Row>
    @usableFromInline typealias Sums = InlineArray<vectors, Rows>

    /// Computes `count` tiles of one panel, taking pieces in order from where the pass stands.
    @inlinable @inline(never)
    static func run(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>, count: Int
    ) {
        // A copy, which no store to the output can change.
        var walk = pass.pointee.walk
        var remaining = count
        while remaining > 0 {
            tile(call, pass, walk)
            walk.advance(by: segments, pixels: pixels, call)
            remaining &-= 1
        }
        pass.pointee.walk = walk
    }

    @inlinable @inline(__always)
    static func tile(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>, _ walk: TileWalk
    ) {
        var sums = Sums(repeating: Rows(repeating: Row(repeating: I.Vector(repeating: 0))))
        if call.pointee.resultIsNarrow {
            start(call, pass, walk, &sums, isNarrow: true)
        } else {
            start(call, pass, walk, &sums, isNarrow: false)
        }

        let starts = offsets(walk, pixel: call.pointee.inputPixelStride, row: call.pointee.inputRowStride)
        var inputs = Pointers(repeating: walk.input)
        for s in 0..<segments { inputs[s] = csimd_opaque(walk.input + starts[s]) }
        if inputWords > 1 {
            reduceBlocks(call, pass, &sums, inputs)
        } else {
            reducePlanes(call, pass, &sums, inputs)
        }

        if pass.pointee.rectifies {
            for v in 0..<vectors {
                for s in 0..<segments {
                    for p in 0..<pixels { sums[v][s][p] = I.rectified(sums[v][s][p]) }
                }
            }
        }
        if call.pointee.resultIsNarrow {
            store(call, walk, sums, isNarrow: true)
        } else {
            store(call, walk, sums, isNarrow: false)
        }
    }

    /// What the reduction is added to: what the output holds, or bias and residual. Asks for the results of later tiles.
    @inlinable @inline(__always)
    static func start(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>, _ walk: TileWalk,
        _ sums: inout Sums, isNarrow: Bool
    ) {
        let pixel = blockWords(isNarrow: isNarrow)
        if pass.pointee.resumes {
            withPlaces(walk, pixel: pixel, row: call.pointee.outputRowStride) { places in
                for v in 0..<vectors {
                    let source =
                        walk.output
                        + offset(
                            ofVector: v, blockStride: call.pointee.outputBlockStride, isNarrow: isNarrow)
                    for s in 0..<segments {
                        for p in 0..<pixels {
                            sums[v][s][p] = I.load(source + (places[s] &+ p &* pixel), isNarrow: isNarrow)
                        }
                    }
                }
            }
            return
        }
        let bias = call.pointee.bias + pass.pointee.channel
        for v in 0..<vectors {
            sums[v] = Rows(repeating: Row(repeating: I.load(bias + v &* I.lanes)))
        }
        guard let residual = walk.residual else {
            withPlaces(walk, pixel: pixel, row: call.pointee.outputRowStride) { places in
                prefetch(
                    results: UnsafePointer(walk.output), places,
                    blockStride: call.pointee.outputBlockStride, isNarrow: isNarrow)
            }
            return
        }
        withPlaces(walk, pixel: pixel, row: call.pointee.residualRowStride) { places in
            let blockStride = call.pointee.residualBlockStride
            for v in 0..<vectors {
                let source = residual + offset(ofVector: v, blockStride: blockStride, isNarrow: isNarrow)
                for s in 0..<segments {
                    for p in 0..<pixels {
                        sums[v][s][p] += I.load(source + (places[s] &+ p &* pixel), isNarrow: isNarrow)
                    }
                }
            }
            prefetch(results: residual, places, blockStride: blockStride, isNarrow: isNarrow)
        }
    }

    @inlinable @inline(__always)
    static func store(
        _ call: UnsafePointer<ConvolutionCall>, _ walk: TileWalk, _ sums: Sums, isNarrow: Bool
    ) {
        let pixel = blockWords(isNarrow: isNarrow)
        withPlaces(walk, pixel: pixel, row: call.pointee.outputRowStride) { places in
            let blockStride = call.pointee.outputBlockStride
            for v in 0..<vectors {
                let target =
                    walk.output + offset(ofVector: v, blockStride: blockStride, isNarrow: isNarrow)
                for s in 0..<segments {
                    for p in 0..<pixels {
                        I.store(sums[v][s][p], target + (places[s] &+ p &* pixel), isNarrow: isNarrow)
                    }
                }
            }
        }
    }

    /// The reduction over runs of whole channel blocks, several steps at a time.
    @inlinable @inline(__always)
    static func reduceBlocks(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafeMutablePointer<TilePass>, _ sums: inout Sums,
        _ inputs: Pointers
    ) {
        let runs = pass.pointee.runs
        let ahead = pass.pointee.ahead
        let runCount = pass.pointee.runCount
        let runLength = call.pointee.runLength
        let upcomingLines = pass.pointee.upcomingLines
        let linesAhead = call.pointee.linesAhead
        var weight = pass.pointee.weights
        var run = 0
        repeat {
            if asksAhead > 0 { prefetch(inputs, at: Int(ahead[run])) }
            if upcomingLines > 0 { pass.pointee.prefetchWeights(lines: upcomingLines) }
            if !I.takesPairs, let linesAhead { linesAhead.pointee.ask() }
            if asksAhead > 0, runLength > channelBlock {
                prefetchRest(call, inputs, at: Int(ahead[run]))
            }
            var at = Int(runs[run])
            let end = at &+ runLength
            repeat {
                for step in 0..<I.unrolledSteps {
                    multiplyAdd(&sums, inputs, at: at &+ step, weight + step &* vectors &* I.lanes)
                }
                weight += I.unrolledSteps &* vectors &* I.lanes
                at &+= I.unrolledSteps
            } while at < end
            run &+= 1
        } while run < runCount
    }

    /// The reduction over runs of some columns of one channel: those of the usual kernels without a loop, but where products
    /// of pairs take registers of their own.
    @inlinable @inline(__always)
    static func reducePlanes(
        _ call: UnsafePointer<ConvolutionCall>, _ pass: UnsafePointer<TilePass>, _ sums: inout Sums,
        _ inputs: Pointers
    ) {
        let runLength = call.pointee.runLength
        switch runLength {
        case 3 where I.unrolledSteps >= 3 && !I.takesPairs: reducePlanes(pass, &sums, inputs, 3)
        case 7 where I.unrolledSteps >= 7 && !I.takesPairs: reducePlanes(pass, &sums, inputs, 7)
        default: reducePlanes(pass, &sums, inputs, runLength)
        }
    }

    @inlinable @inline(__always)
    static func reducePlanes(
        _ pass: UnsafePointer<TilePass>, _ sums: inout Sums, _ inputs: Pointers, _ runLength: Int
    ) {
        let runs = pass.pointee.runs
        let runCount = pass.pointee.runCount
        var weight = pass.pointee.weights
        var run = 0
        repeat {
            let at = Int(runs[run])
            for step in 0..<runLength {
                multiplyAdd(&sums, inputs, at: at &+ step, weight + step &* vectors &* I.lanes)
            }
            weight += runLength &* vectors &* I.lanes
            run &+= 1
        } while run < runCount
    }

    /// One step of the reduction: each pixel's input times a vector of weights for each vector of outputs. Of the two the
    /// fewer stay in registers, for which the sums leave little room, and the others pass by.
    @inlinable @inline(__always)
    static func multiplyAdd(
        _ sums: inout Sums, _ inputs: Pointers, at offset: Int, _ weight: UnsafePointer<Float>
    ) {
        if vectors > segments &* pixels {
            var values = Rows(repeating: Row(repeating: I.Vector(repeating: 0)))
            for s in 0..<segments {
                for p in 0..<pixels {
                    values[s][p] = I.Vector(repeating: inputs[s][offset &+ p &* pixelStride])
                }
            }
            for v in 0..<vectors {
                let panel = I.load(weight + v &* I.lanes)
                for s in 0..<segments {
                    for p in 0..<pixels {
                        sums[v][s][p] = I.addTerms(sums[v][s][p], values[s][p], panel)
                    }
                }
            }
            return
        }
        var panel = InlineArray<vectors, I.Vector>(repeating: I.Vector(repeating: 0))
        for v in 0..<vectors { panel[v] = I.load(weight + v &* I.lanes) }
        for s in 0..<segments {
            for p in 0..<pixels {
                let value = I.Vector(repeating: inputs[s][offset &+ p &* pixelStride])
                for v in 0..<vectors { sums[v][s][p] = I.addTerms(sums[v][s][p], value, panel[v]) }
            }
        }
    }

    /// Where each piece of the tile starts, in floats from its first piece.
    @inlinable @inline(__always)
    static func offsets(_ walk: TileWalk, pixel: Int, row: Int) -> Offsets {
        let step = pixels &* pixel
        var offsets = Offsets(repeating: 0)
        if walk.piece &+ segments <= walk.piecesPerRow {
            for s in 0..<segments { offsets[s] = s &* step }
            return offsets
        }
        let rowEnd = row &- walk.piecesPerRow &* step
        var piece = walk.piece
        var offset = 0
        for s in 0..<segments {
            offsets[s] = offset
            piece &+= 1
            offset &+= step
            if piece == walk.piecesPerRow {
                piece = 0
                offset &+= rowEnd
            }
        }
        return offsets
    }

    /// Calls `body` with where each piece of the tile starts in a map of the blocked layout, pixels `pixel` floats apart:
    /// constants where the tile lies in one row.
    @inlinable @inline(__always)
    static func withPlaces(
        _ walk: TileWalk, pixel: Int, row: Int, _ body: (_ places: Offsets) -> Void
    ) {
        if walk.piece &+ segments <= walk.piecesPerRow {
            var places = Offsets(repeating: 0)
            for s in 0..<segments { places[s] = s &* pixels &* pixel }
            body(places)
        } else {
            body(offsets(walk, pixel: pixel, row: row))
        }
    }

    /// Asks for the lines after the first one that a run at `offset` reads: all of them for the last pixel, of the others
    /// those that their neighbour does not read too.
    @inlinable @inline(__always)
    static func prefetchRest(_ call: UnsafePointer<ConvolutionCall>, _ inputs: Pointers, at offset: Int) {
        let end = offset &+ call.pointee.runLength
        var line = offset &+ channelBlock
        let own = min(offset &+ call.pointee.inputPixelStride, end)
        while line < own {
            prefetch(inputs, at: line)
            line &+= channelBlock
        }
        while line < end {
            csimd_prefetch(inputs[segments &- 1] + (line &+ (pixels &- 1) &* pixelStride))
            line &+= channelBlock
        }
    }

    /// Asks for the first line of a run at `offset` for every pixel.
    @inlinable @inline(__always)
    static func prefetch(_ inputs: Pointers, at offset: Int) {
        for s in 0..<segments {
            var p = 0
            while p < pixels {
                csimd_prefetch(inputs[s] + (offset &+ p &* pixelStride))
                p &+= pixelsOfLine
            }
        }
    }

    /// Neighbouring pixels whose runs start in one line.
    @inlinable @inline(__always)
    static var pixelsOfLine: Int {
        pixelStride > 1 && pixelStride < channelBlock ? channelBlock / pixelStride : 1
    }

    /// Asks for the lines that results some tiles on are added to, or written to: more than a thousand cycles later.
    @inlinable @inline(__always)
    static func prefetch(
        results: UnsafePointer<Float>, _ places: Offsets, blockStride: Int, isNarrow: Bool
    ) {
        let pixel = blockWords(isNarrow: isNarrow)
        let later = results + 4 &* segments &* pixels &* pixel
        var lane = 0
        while lane < vectors &* I.lanes {
            let block = later + lane / channelBlock &* blockStride
            for s in 0..<segments {
                for p in 0..<pixels { csimd_prefetch(block + (places[s] &+ p &* pixel)) }
            }
            lane &+= channelBlock
        }
    }

    /// Where the vector's channels start, counted from the first vector of the panel.
    @inlinable @inline(__always)
    static func offset(ofVector index: Int, blockStride: Int, isNarrow: Bool) -> Int {
        let channel = index &* I.lanes
        let lane = channel % channelBlock
        return channel / channelBlock &* blockStride &+ (isNarrow ? lane / 2 : lane)
    }
}
