import Kernels

/// The order in which a convolution sums its products: by channel block, kernel row, kernel column and channel
/// in the blocked layout; by channel, kernel row and kernel column in the planar one. Of pairs of columns, a run begins and ends
/// with whole ones, whose other number is multiplied by 0.
struct ReductionOrder {
    let geometry: Convolution2D.Geometry
    /// Channels that lie side by side in the input, and the floats whose places they take.
    private let channels: Int
    private let words: Int
    /// Taps of a kernel row that lie side by side in the input, and so make one run.
    private let tapsInRun: Int
    /// Columns of a run before its first tap, and all of them, where it is one of pairs of columns.
    private let pairs: (before: Int, columns: Int)?

    init(_ geometry: Convolution2D.Geometry, _ input: TensorPlacement) {
        self.geometry = geometry
        channels = input.layout.isPlanar ? 1 : channelBlock
        words = input.pixelStride
        tapsInRun = geometry.dilationWidth == 1 ? geometry.kernelWidth : 1
        let before = geometry.paddingWidth % 2
        pairs =
            input.layout == .planarPairs ? (before, (before + geometry.kernelWidth + 1) / 2 * 2) : nil
    }

    /// Consecutive floats of a run.
    var runLength: Int { pairs.map { $0.columns / 2 } ?? words * tapsInRun }

    /// Floats from an input's pixel (0, 0) back to where the first run of output (0, 0) begins.
    func firstTap(in input: TensorPlacement) -> Int {
        geometry.paddingHeight * input.rowStride + input.words(ofColumns: geometry.paddingWidth)
    }

    /// Floats from one output column's first tap to the next one's.
    func pixelStep(in input: TensorPlacement) -> Int {
        pairs == nil ? geometry.strideWidth * input.pixelStride : geometry.strideWidth / 2
    }

    /// Floats that the whole reduction reads.
    func terms(in input: TensorPlacement) -> Int {
        input.planes * geometry.kernelHeight * geometry.kernelWidth / tapsInRun * runLength
    }

    /// Where each run starts, in floats from the first tap.
    func offsets(in input: TensorPlacement) -> [Int] {
        var offsets: [Int] = []
        for plane in 0..<input.planes {
            for r in 0..<geometry.kernelHeight {
                let row = plane * input.planeStride + r * geometry.dilationHeight * input.rowStride
                for s in stride(from: 0, to: geometry.kernelWidth, by: tapsInRun) {
                    offsets.append(row + s * geometry.dilationWidth * input.pixelStride)
                }
            }
        }
        return offsets
    }

    /// What each run of `offsets` asks for: the run that follows it some 300 to 400 cycles later; at the end of a pass,
    /// a first one of the next tile, whose pixels lie `advance` floats on unless it is in the next row.
    func offsetsAhead(_ offsets: [Int], runsPerPass: Int, advance: Int) -> [Int] {
        let distance = tapsInRun > 1 ? 1 : 4
        return offsets.indices.map { index in
            let first = index / runsPerPass * runsPerPass
            let count = min(runsPerPass, offsets.count - first)
            let later = index - first + distance
            return later < count
                ? offsets[first + later] : offsets[first + (later - count) % count] + advance
        }
    }

    /// Where each element of the reduction stands in a filter `c r s`; beyond its end where the channel is one of padding,
    /// and before its start where a column goes with that of a tap.
    func positions(runCount: Int) -> [Int] {
        let (height, width) = (geometry.kernelHeight, geometry.kernelWidth)
        if let pairs {
            return (0..<runCount * pairs.columns).map { index in
                let (run, column) = index.quotientAndRemainder(dividingBy: pairs.columns)
                let s = column - pairs.before
                return (0..<width).contains(s) ? run * width + s : -1
            }
        }
        let runElements = channels * tapsInRun
        return (0..<runCount * runElements).map { index in
            let (run, l) = index.quotientAndRemainder(dividingBy: runElements)
            let (tap, s) = (run * tapsInRun + l / channels).quotientAndRemainder(dividingBy: width)
            let (plane, r) = tap.quotientAndRemainder(dividingBy: height)
            return ((plane * channels + l % channels) * height + r) * width + s
        }
    }
}
