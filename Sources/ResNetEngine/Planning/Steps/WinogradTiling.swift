import Kernels

/// The tiles of one convolution, and where they lie while they are worked on.
struct WinogradTiling {
    let form: WinogradForm
    let phases: WinogradPhases
    private let outputHeight: Int
    private let outputWidth: Int
    let rows: WinogradSide
    let columns: WinogradSide
    /// Rows of tiles that are taken at a time.
    let rowsAtOnce: Int
    /// Enough for the products to hide the reading of their weights, few enough for the last-level cache.
    private static let tilesAtOnce = 64
    /// One element of all tiles taken at a time, with the channels of all phases, before and after the multiplication, as a map of one row.
    let transformed: TensorPlacement
    let products: TensorPlacement

    init(_ form: WinogradForm, _ phases: WinogradPhases, _ context: StepPlanningContext) {
        self.form = form
        self.phases = phases
        let (input, output) = (context.inputs[0], context.output)
        (outputHeight, outputWidth) = (output.shape.height, output.shape.width)
        rows = WinogradSide(outputHeight, form)
        columns = WinogradSide(outputWidth, form)
        let fitting = max((Self.tilesAtOnce + columns.tiles - 1) / columns.tiles, 1)
        // Whole images, or pieces of one as even as can be.
        let pieces = max((rows.tiles + fitting / 2) / fitting, 1)
        rowsAtOnce =
            fitting >= rows.tiles
            ? min(fitting / rows.tiles, output.images) * rows.tiles : (rows.tiles + pieces - 1) / pieces
        let width = rowsAtOnce * columns.tiles
        func placement(_ channels: Int, _ layout: Layout) -> TensorPlacement {
            TensorPlacement(
                shape: FeatureShape(channels: channels, height: 1, width: width), layout: layout, halo: 0,
                scope: .worker)
        }
        transformed = placement(
            phases.count * blocks(ofChannels: input.shape.channels) * channelBlock,
            .blocked(form.takesPairs ? .bfloat16 : .float32))
        products = placement(output.shape.channels, .blocked)
    }

    /// Tiles of each kind among those taken at a time.
    struct Counts {
        fileprivate(set) var inner = 0
        fileprivate(set) var right = 0
        fileprivate(set) var bottom = 0
        fileprivate(set) var corner = 0

        /// Where the first tile of each kind lies.
        var places: WinogradPlaces {
            WinogradPlaces(
                inner: bottom, right: bottom + inner, bottom: 0, corner: bottom + inner + right)
        }
    }

    /// Those of some rows of tiles, counted through the images of which each has `tileRows`.
    func counts(_ range: Range<Int>, of tileRows: Range<Int>) -> Counts {
        // Of those before a number of rows.
        func lastRows(_ count: Int) -> Int { tileRows.contains(rows.whole) ? count / tileRows.count : 0 }
        return counts(
            rows: range.count, lastRows: lastRows(range.upperBound) - lastRows(range.lowerBound))
    }

    /// Those of `rowCount` rows of tiles of which `lastRows` are last ones of fewer outputs.
    private func counts(rows rowCount: Int, lastRows: Int) -> Counts {
        let edge = columns.edge > 0 ? 1 : 0
        return Counts(
            inner: (rowCount - lastRows) * columns.whole, right: (rowCount - lastRows) * edge,
            bottom: lastRows * columns.whole, corner: lastRows * edge)
    }

    func advance(_ places: inout WinogradPlaces, by tileRows: Range<Int>) {
        let counts = counts(rows: tileRows.count, lastRows: tileRows.contains(rows.whole) ? 1 : 0)
        places.inner += counts.inner
        places.right += counts.right
        places.bottom += counts.bottom
        places.corner += counts.corner
    }

    /// The tiles that have an element.
    func tiles(of element: Int, _ counts: Counts) -> Range<Int> {
        if form == .pairsOfTwo { return 0..<counts.inner }
        let (isInBottom, isInRight) = (rows.edgeHas(element / 6), columns.edgeHas(element % 6))
        let start = isInBottom ? 0 : counts.bottom
        var end = counts.bottom + counts.inner
        if isInRight { end += counts.right + (isInBottom ? counts.corner : 0) }
        return start..<end
    }

    /// Floats from one element to the next: never a multiple of 4 KiB, which would put them into the same sets of the
    /// first-level cache.
    var transformedStride: Int { Self.skewed(transformed.elementCount) }
    var productStride: Int { Self.skewed(products.elementCount) }

    private static func skewed(_ count: Int) -> Int { count % 1024 == 0 ? count + 5 * channelBlock : count }

    /// Of the input, from the first tap of the first output.
    var inputHeight: Int { phases.stride * (outputHeight - 1) + 3 }
    var inputWidth: Int { phases.stride * (outputWidth - 1) + 3 }

    /// Elements before the first that any phase has: they take no memory.
    private var missing: Int { phases.stride == 1 ? 0 : 7 }

    /// Where element 0 lies, before and after the multiplication, and what follows both, in floats from the start of a
    /// worker's scratch memory.
    var transformedStart: Int { -missing * transformedStride }
    var productStart: Int {
        (form.elements - missing) * transformedStride - missing * productStride
    }
    var scratchStart: Int { (form.elements - missing) * (transformedStride + productStride) }

    /// Floats of a worker's scratch memory.
    var scratchCount: Int { scratchStart + WinogradScratch.count }
}
