import Diagnostics
import Kernels
import Tensors

/// A 3×3 convolution by one of Winograd's algorithms: some rows of tiles at a time, of several images where maps are small, are
/// transformed, multiplied and transformed back, so that each reading of the weights serves many of them.
///
/// The products of each element of a tile are a 1×1 convolution over the tiles that have it, computed by a direct
/// kernel: those of F(4×4, 3×3) have fewer at the end of a map whose size is no multiple of four. No result depends on how many tiles are taken at a time.
struct WinogradStep: Step {
    private let table: KernelTable
    private let kernel: ConvolutionKernel
    /// `[element]` of weights packed for the kernel.
    private let weights: AlignedBuffer<Float>
    private let weightOffsets: WinogradWeightOffsets
    private let bias: AlignedBuffer<Float>
    private let zeros: AlignedBuffer<Float>
    private let taps: AlignedBuffer<Int32>
    /// What each run asks for while it works, by the number of phases that take part.
    private let ahead: [AlignedBuffer<Int32>?]
    private let runsPerPass: Int
    private let input: TensorPlacement
    private let firstTap: Int
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let statistics: TensorPlacement?
    private let rectifies: Bool
    private let tiling: WinogradTiling
    /// Whether the worker's own cache does not hold the weights.
    private let streamsWeights: Bool
    /// What the products of all elements before each take for one image, and those of all.
    private let work: [Int]

    /// - Parameter kernel: a direct one of the products.
    init(
        _ form: WinogradForm, _ operation: Convolution2D, _ kernel: ConvolutionKernel,
        _ context: StepPlanningContext
    ) throws(EngineError) {
        self.kernel = kernel
        let geometry = operation.geometry
        table = context.table
        input = context.inputs[0]
        output = context.output
        statistics = context.statistics
        residual = operation.addsResidual ? context.inputs[1] : nil
        rectifies = operation.rectifies
        firstTap = geometry.paddingHeight * input.rowStride + geometry.paddingWidth * input.pixelStride
        let phases = WinogradPhases(stride: geometry.strideHeight)
        let tiling = WinogradTiling(form, phases, context)
        self.tiling = tiling
        work = Self.work(tiling)

        let pointwise = Convolution2D.Geometry(
            inputChannels: tiling.transformed.shape.channels, outputChannels: geometry.outputChannels,
            kernel: 1)
        let order = ReductionOrder(pointwise, tiling.transformed)
        let offsets = order.offsets(in: tiling.transformed)
        runsPerPass = CacheBlocking(
            pointwise, tiling.transformed, tiling.products, panelLanes: kernel.panelLanes,
            caches: context.caches
        ).runsPerPass(of: offsets.count)
        taps = try PackedConvolution.table(offsets, tiling.transformed, context)
        var ahead = [AlignedBuffer<Int32>?](repeating: nil, count: phases.count + 1)
        for element in 0..<form.elements {
            let count = phases.range(of: element).count
            guard count > 0, ahead[count] == nil else { continue }
            ahead[count] = try PackedConvolution.table(
                order.offsetsAhead(
                    Array(offsets.prefix(count * input.planes)), runsPerPass: runsPerPass,
                    advance: kernel.tilePixels * tiling.transformed.pixelStride),
                tiling.transformed, context)
        }
        self.ahead = ahead

        let weightOffsets = WinogradWeightOffsets(
            form, phases, blocks: input.planes, outputBlocks: output.planes)
        streamsWeights = weightOffsets.count > context.caches.last / 4

        let channels = geometry.outputChannels
        let padded = output.planes * channelBlock
        bias = try context.parameters("bias", count: padded) { bias in
            operation.bias.withElements {
                bias.update(from: $0.baseAddress ?? UnsafePointer(bias), count: channels)
            }
        }
        zeros = try AlignedBuffer(count: padded, subject: context.node)
        self.weightOffsets = weightOffsets
        let panels = ConvolutionWeights.panelCount(outputChannels: channels, panelLanes: kernel.panelLanes)
        weights = try context.parameters(
            "elements \(kernel.name)", count: weightOffsets.count
        ) { weights throws(EngineError) in
            try operation.withFilters(from: 0, count: channels) { filters in
                context.team.forEach(panels) { panel in
                    WinogradWeights.pack(
                        filters, panelLanes: kernel.panelLanes, panel: panel, weightOffsets, into: weights)
                }
            }
        }
    }

    /// The three of the algorithm where tiles are so few that the parts of rows would be smaller than the kernel's: each worker
    /// then reads a part of the weights.
    func passes(images: Int, parts: Int) -> Int {
        let tiles = images * tiling.rows.tiles * tiling.columns.tiles
        return statistics == nil && images * tiling.rows.tiles <= tiling.rowsAtOnce
            && tiles < parts * kernel.tilePixels ? 3 : 1
    }

    /// The elements that a part of the second pass multiplies: as much work as those of others, not as many elements, since tiles
    /// at a map's edges have fewer, and at stride 2 some have a fourth of the phases.
    private func elements(of part: StepPart) -> Range<Int> {
        func first(_ index: Int) -> Int {
            let place = work[tiling.form.elements] * index / part.count
            return work.firstIndex { $0 >= place } ?? tiling.form.elements
        }
        return first(part.index)..<first(part.index + 1)
    }

    /// What reading a term's weights takes, in tiles that are multiplied by them: an estimate, on which no result depends.
    private static let tilesPerReading = 8

    /// What the products of all elements before each take, and those of all, in terms of the sums and tiles of one image.
    private static func work(_ tiling: WinogradTiling) -> [Int] {
        let tileRows = 0..<tiling.rows.tiles
        let counts = tiling.counts(tileRows, of: tileRows)
        var work = [0]
        for element in 0..<tiling.form.elements {
            let ofEach = tiling.tiles(of: element, counts).count + tilesPerReading
            work.append(work[element] + tiling.phases.range(of: element).count * ofEach)
        }
        return work
    }

    /// Those of the elements that a part of the second pass multiplies.
    func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> {
        guard streamsWeights, passes(images: 1, parts: part.count) > 1 else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let elements = elements(of: part)
        guard !elements.isEmpty else { return UnsafeBufferPointer(start: nil, count: 0) }
        let (starts, all) = (weightOffsets.starts, weights.elements)
        let end = elements.upperBound < tiling.form.elements ? starts[elements.upperBound] : all.count
        return UnsafeBufferPointer(rebasing: all[starts[elements.lowerBound]..<end])
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        if part.passes > 1 { return runPass(context, images, part) }
        let tileRows = part.rows(of: tiling.rows.tiles)
        // Rows of tiles of all images, one image after the other.
        let rows = images.count * tileRows.count
        var first = 0
        while first < rows {
            let chunk = Chunk(
                firstImage: images.lowerBound, tileRows: tileRows,
                rows: first..<min(first + tiling.rowsAtOnce, rows))
            let counts = tiling.counts(chunk.rows, of: tileRows)
            transform(context, chunk, counts, blocks: 0..<input.planes, to: context.scratch)
            multiply(counts, elements: 0..<tiling.form.elements, in: context.scratch)
            finish(context, chunk, counts, blocks: 0..<output.planes, from: context.scratch)
            first = chunk.rows.upperBound
        }
        for image in images { noteStatistics(context, image, tileRows) }
    }

    /// One part of one pass over all tiles, which lie in memory that all workers see.
    private func runPass(_ context: StepContext, _ images: Range<Int>, _ part: StepPart) {
        let tileRows = 0..<tiling.rows.tiles
        let chunk = Chunk(
            firstImage: images.lowerBound, tileRows: tileRows, rows: 0..<images.count * tileRows.count)
        let counts = tiling.counts(chunk.rows, of: tileRows)
        let domain = context.jointScratch
        switch part.pass {
        case 0: transform(context, chunk, counts, blocks: part.rows(of: input.planes), to: domain)
        case 1: multiply(counts, elements: elements(of: part), in: domain)
        default: finish(context, chunk, counts, blocks: part.rows(of: output.planes), from: domain)
        }
    }

    /// Rows of tiles, counted through some images of which each has `tileRows`.
    private struct Chunk {
        var firstImage: Int
        var tileRows: Range<Int>
        var rows: Range<Int>
    }

    /// Some channel blocks of the input into the Winograd domain.
    private func transform(
        _ context: StepContext, _ chunk: Chunk, _ counts: WinogradTiling.Counts, blocks: Range<Int>,
        to domain: UnsafeMutablePointer<Float>
    ) {
        forEachPiece(chunk, counts) { image, tileRows, places in
            var call = WinogradInputCall(
                input: context.origin(image, of: input) - firstTap, rowStride: input.rowStride,
                inputBlockStride: input.planeStride, height: tiling.inputHeight,
                width: tiling.inputWidth, transformed: domain + tiling.transformedStart,
                elementStride: tiling.transformedStride, blockStride: tiling.transformed.planeStride,
                scratch: context.scratch + tiling.scratchStart, blocks: blocks, ofBlocks: input.planes,
                rows: tiling.rows, columns: tiling.columns,
                places: places, firstTileRow: tileRows.lowerBound, tileRows: tileRows.count,
                inputIsNarrow: input.isNarrow, phases: tiling.phases)
            switch tiling.form {
            case .four: table.winogradInput(&call)
            case .pairsOfTwo: table.winogradOfTwo.input(&call)
            }
        }
    }

    /// Some channel blocks of the output from it.
    private func finish(
        _ context: StepContext, _ chunk: Chunk, _ counts: WinogradTiling.Counts, blocks: Range<Int>,
        from domain: UnsafeMutablePointer<Float>
    ) {
        forEachPiece(chunk, counts) { image, tileRows, places in
            var call = WinogradOutputCall(
                products: domain + tiling.productStart, elementStride: tiling.productStride,
                blockStride: tiling.products.planeStride, bias: bias.pointer,
                residual: residual.map { UnsafePointer(context.origin(image, of: $0)) },
                residualRowStride: residual?.rowStride ?? 0, residualBlockStride: residual?.planeStride ?? 0,
                output: context.origin(image, of: output), outputRowStride: output.rowStride,
                outputBlockStride: output.planeStride, scratch: context.scratch + tiling.scratchStart,
                blocks: blocks,
                height: output.shape.height, width: output.shape.width, rows: tiling.rows,
                columns: tiling.columns, places: places, firstTileRow: tileRows.lowerBound,
                tileRows: tileRows.count, rectifies: rectifies, resultIsNarrow: output.isNarrow,
                phases: tiling.phases)
            switch tiling.form {
            case .four where output.isNarrow: table.narrowWinogradOutput(&call)
            case .four: table.winogradOutput(&call)
            case .pairsOfTwo: table.winogradOfTwo.output(&call)
            }
        }
    }

    /// Cuts a chunk by image: its number, its rows, and the places of their first tiles.
    @inline(__always)
    private func forEachPiece(
        _ chunk: Chunk, _ counts: WinogradTiling.Counts,
        _ body: (_ image: Int, _ tileRows: Range<Int>, _ places: WinogradPlaces) -> Void
    ) {
        let (rows, tileRows) = (chunk.rows, chunk.tileRows)
        var places = counts.places
        var row = rows.lowerBound
        while row < rows.upperBound {
            let (image, first) = row.quotientAndRemainder(dividingBy: tileRows.count)
            let count = min(tileRows.count - first, rows.upperBound - row)
            let start = tileRows.lowerBound + first
            body(chunk.firstImage + image, start..<start + count, places)
            tiling.advance(&places, by: start..<start + count)
            row += count
        }
    }

    /// The products of some elements of some tiles.
    private func multiply(
        _ counts: WinogradTiling.Counts, elements: Range<Int>, in domain: UnsafeMutablePointer<Float>
    ) {
        let transformed = UnsafePointer(domain + tiling.transformedStart)
        let pixel = tiling.transformed.pixelStride
        let products = domain + tiling.productStart
        for element in elements {
            let tiles = tiling.tiles(of: element, counts)
            let phases = tiling.phases.range(of: element)
            guard !tiles.isEmpty, !phases.isEmpty, let ahead = ahead[phases.count] else { continue }
            let firstBlock = phases.lowerBound * input.planes
            let own = UnsafePointer(weights.pointer + weightOffsets.starts[element])
            let following = weightOffsets.starts[
                element + 1 == elements.upperBound ? elements.lowerBound : element + 1]
            var call = ConvolutionCall(
                input: transformed
                    + (element * tiling.transformedStride + firstBlock * tiling.transformed.planeStride
                        + tiles.lowerBound * pixel),
                weights: own,
                bias: zeros.pointer, residual: nil,
                output: products + (element * tiling.productStride + tiles.lowerBound * channelBlock),
                statistics: nil,
                runs: taps.pointer, ahead: ahead.pointer, runCount: phases.count * input.planes,
                runLength: pixel,
                runsPerPass: runsPerPass, passesOutermost: false, prefetchesWeights: true,
                followingWeights: UnsafePointer(weights.pointer + following),
                blocks: output.planes, height: 1, width: tiles.count, inputRowStride: 0,
                inputPixelStride: pixel, outputRowStride: 0,
                outputBlockStride: tiling.products.planeStride, residualRowStride: 0, residualBlockStride: 0,
                rectifies: false)
            kernel.run(&call)
        }
    }

    private func noteStatistics(_ context: StepContext, _ image: Int, _ tileRows: Range<Int>) {
        guard let statistics else { return }
        let end = min(tileRows.upperBound * tiling.form.tile, output.shape.height)
        let first = min(tileRows.lowerBound * tiling.form.tile, end)
        var call = RowStatisticsCall(
            output, at: context.origin(image, of: output), notes: context.image(image, of: statistics),
            rows: first..<end)
        table.rowStatistics(&call)
    }
}
