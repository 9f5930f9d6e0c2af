import Diagnostics
import Kernels
import Tensors

extension Convolution2D {
    /// Whether the adjoint can be computed by Winograd's algorithm.
    var isWinogradAdjoint: Bool {
        let g = geometry
        return g.kernelHeight == 3 && g.kernelWidth == 3 && g.strideHeight == 1 && g.strideWidth == 1
            && g.dilationHeight == 1 && g.dilationWidth == 1 && g.groups == 1
    }

    /// The adjoint of the convolution, applied to rows, by F(4×4, 3×3) in float64: a quarter of the multiplications.
    ///
    /// It is a convolution of the rows by the filters turned around. What is done with a number is done with the
    /// `outputs` of all rows at one pixel, and with some tiles at a time, so that all sums are those of a `RowSumCall`.
    func winogradAdjoint(
        _ rows: AffineRows, _ shape: FeatureShape, _ context: CompositionContext
    ) throws(EngineError) -> AffineRows {
        var result = try AffineRows(outputs: rows.outputs, shape: shape, node: context.node)
        let adjoint = try WinogradAdjoint(self, rows, shape, context)
        let target = result.values.pointer
        var count = ByteCount(subject: context.node)
        try count.add(context.team.slots(for: adjoint.pieceCount), adjoint.scratchCount)
        let scratch = try AlignedBuffer<Double>(count: count.bytes, subject: context.node)
        context.team.forEach(adjoint.pieceCount) { piece, slot in
            adjoint.run(piece, scratch: scratch.pointer + slot * adjoint.scratchCount, into: target)
        }
        result.constants = rows.constants(whereEachChannelIs: bias.values.map(Double.init))
        return result
    }
}

/// What `winogradAdjoint` does, some tiles of the input's map at a time.
private struct WinogradAdjoint {
    private let rows: AffineRows
    private let shape: FeatureShape
    private let table: KernelTable
    /// From an input pixel to the first of the results that see it, in rows and columns.
    private let reach: (height: Int, width: Int)
    private let tilesPerRow: Int
    private let tiles: Int
    private let tilesAtOnce: Int
    /// Numbers from one row of the scratch memory to the next: `outputs` of each tile, whole strips.
    private let length: Int
    /// `[element][c][k]`, rows padded to whole vectors of filters.
    private let weights: AlignedBuffer<Double>
    private let weightRow: Int
    /// Of the transforms' terms, in rows of the scratch memory: side by side, six apart, of each channel, and six elements
    /// apart.
    private let neighbours: AlignedBuffer<Int>
    private let sixes: AlignedBuffer<Int>
    private let channels: AlignedBuffer<Int>
    private let elements: AlignedBuffer<Int>
    private let inputMatrix: AlignedBuffer<Double>
    private let outputMatrix: AlignedBuffer<Double>

    private static let filtersAtOnce = 4

    init(
        _ convolution: Convolution2D, _ rows: AffineRows, _ shape: FeatureShape, _ context: CompositionContext
    ) throws(EngineError) {
        (self.rows, self.shape, table) = (rows, shape, context.table)
        let node = context.node
        let geometry = convolution.geometry
        reach = (geometry.paddingHeight - 2, geometry.paddingWidth - 2)
        func tiles(_ size: Int) -> Int { (size + WinogradWeights.tile - 1) / WinogradWeights.tile }
        tilesPerRow = tiles(shape.width)
        self.tiles = tiles(shape.height) * tilesPerRow
        let strip = context.stripLength
        tilesAtOnce = max(strip / rows.outputs, 1)
        let length = (tilesAtOnce * rows.outputs + strip - 1) / strip * strip
        self.length = length

        let outputs = geometry.outputChannels
        weightRow = (outputs + Self.filtersAtOnce - 1) / Self.filtersAtOnce * Self.filtersAtOnce
        var size = ByteCount(subject: node)
        try size.add(WinogradWeights.elements, shape.channels, weightRow)
        weights = try AlignedBuffer(count: size.bytes, subject: node)
        func offsets(_ count: Int, _ stride: Int) throws(EngineError) -> AlignedBuffer<Int> {
            let offsets = try AlignedBuffer<Int>(count: count, subject: node)
            for index in 0..<count { offsets.pointer[index] = index * stride }
            return offsets
        }
        neighbours = try offsets(6, length)
        sixes = try offsets(6, 6 * length)
        channels = try offsets(outputs, length)
        elements = try offsets(6, 6 * Self.elementStride(shape.channels, length))
        inputMatrix = try Self.buffer(WinogradMatrices.input(), node)
        outputMatrix = try Self.buffer(WinogradMatrices.output(), node)
        transformFilters(convolution)
    }

    private static func buffer(
        _ matrix: [[Double]], _ node: String
    ) throws(EngineError) -> AlignedBuffer<Double> {
        let values = matrix.flatMap(\.self)
        let buffer = try AlignedBuffer<Double>(count: values.count, subject: node)
        for (index, value) in values.enumerated() { buffer.pointer[index] = value }
        return buffer
    }

    /// The filters turned around and transformed.
    private func transformFilters(_ convolution: Convolution2D) {
        let outputs = convolution.geometry.outputChannels
        convolution.weight.withElements { source in
            for k in stride(from: 0, to: outputs, by: Self.filtersAtOnce) {
                for c in 0..<shape.channels {
                    WinogradWeights.transform { tap in
                        var taps = SIMD4<Double>.zero
                        for lane in 0..<min(Self.filtersAtOnce, outputs - k) {
                            let weight = source[((k + lane) * shape.channels + c) * 9 + 8 - tap]
                            taps[lane] = Double(weight) * convolution.scale(k + lane)
                        }
                        return taps
                    } store: { element, values in
                        let place = weights.pointer + ((element * shape.channels + c) * weightRow + k)
                        UnsafeMutableRawPointer(place).storeBytes(of: values, as: SIMD4<Double>.self)
                    }
                }
            }
        }
    }

    var pieceCount: Int { (tiles + tilesAtOnce - 1) / tilesAtOnce }

    /// From one element to the next: never a multiple of 4 KiB.
    private static func elementStride(_ channels: Int, _ length: Int) -> Int { channels * length + 8 }

    /// Numbers of a slot's scratch memory: both sides of the products, and two tiles of one channel.
    var scratchCount: Int {
        WinogradWeights.elements
            * (Self.elementStride(channels.count, length) + Self.elementStride(shape.channels, length) + 2
                * length)
            + RowSumCall.overhang
    }

    func run(_ piece: Int, scratch: UnsafeMutablePointer<Double>, into target: UnsafeMutablePointer<Double>) {
        let first = piece * tilesAtOnce
        let tiles = first..<min(first + tilesAtOnce, self.tiles)
        let inputStride = Self.elementStride(channels.count, length)
        let outputStride = Self.elementStride(shape.channels, length)
        let products = scratch + WinogradWeights.elements * inputStride
        let tile = products + WinogradWeights.elements * outputStride
        let half = tile + WinogradWeights.elements * length
        let count = tiles.count * rows.outputs

        for k in 0..<channels.count {
            gather(k, tiles, into: tile)
            for i in 0..<6 {
                for s in 0..<6 {
                    sum(
                        tile + s * length, sixes, inputMatrix.pointer + 6 * i, count,
                        half + (i * 6 + s) * length)
                }
            }
            for i in 0..<6 {
                for j in 0..<6 {
                    sum(
                        half + i * 6 * length, neighbours, inputMatrix.pointer + 6 * j, count,
                        scratch + ((i * 6 + j) * inputStride + k * length))
                }
            }
        }
        for element in 0..<WinogradWeights.elements {
            for c in 0..<shape.channels {
                sum(
                    scratch + element * inputStride, channels,
                    weights.pointer + (element * shape.channels + c) * weightRow, count,
                    products + (element * outputStride + c * length))
            }
        }
        for c in 0..<shape.channels {
            for r in 0..<WinogradWeights.tile {
                for j in 0..<6 {
                    sum(
                        products + (j * outputStride + c * length), elements, outputMatrix.pointer + 6 * r,
                        count, half + (r * 6 + j) * length)
                }
                for s in 0..<WinogradWeights.tile {
                    sum(half + r * 6 * length, neighbours, outputMatrix.pointer + 6 * s, count, tile)
                    scatter(tile, c, tiles, r, s, into: target)
                }
            }
        }
    }

    private func sum(
        _ source: UnsafePointer<Double>, _ offsets: AlignedBuffer<Int>, _ weights: UnsafePointer<Double>,
        _ count: Int, _ output: UnsafeMutablePointer<Double>
    ) {
        var call = RowSumCall(
            source: source, offsets: offsets.pointer, weights: weights, terms: offsets.count, output: output,
            count: count)
        table.rowSum(&call)
    }

    /// Tiles of what channel `k` of the results is multiplied by, zeros outside of its map.
    private func gather(_ k: Int, _ tiles: Range<Int>, into tile: UnsafeMutablePointer<Double>) {
        let outputs = rows.outputs
        for r in 0..<6 {
            for s in 0..<6 {
                var place = tile + (r * 6 + s) * length
                for index in tiles {
                    let h = index / tilesPerRow * WinogradWeights.tile + r + reach.height
                    let w = index % tilesPerRow * WinogradWeights.tile + s + reach.width
                    if h >= 0, h < rows.shape.height, w >= 0, w < rows.shape.width {
                        let at = (k * rows.shape.height + h) * rows.shape.width + w
                        place.update(from: rows.values.pointer + at * outputs, count: outputs)
                    } else {
                        place.update(repeating: 0, count: outputs)
                    }
                    place += outputs
                }
            }
        }
    }

    /// Pixels (r, s) of tiles of channel `c` to their places.
    private func scatter(
        _ pixels: UnsafePointer<Double>, _ c: Int, _ tiles: Range<Int>, _ r: Int, _ s: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        let outputs = rows.outputs
        for (position, index) in tiles.enumerated() {
            let h = index / tilesPerRow * WinogradWeights.tile + r
            let w = index % tilesPerRow * WinogradWeights.tile + s
            guard h < shape.height, w < shape.width else { continue }
            (target + ((c * shape.height + h) * shape.width + w) * outputs)
                .update(from: pixels + position * outputs, count: outputs)
        }
    }
}
