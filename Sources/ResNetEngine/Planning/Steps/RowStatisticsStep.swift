import Kernels

/// Mean and centred second moment of each channel of each image, for batch normalisation with the batch's own
/// statistics, from notes about each of its rows.
struct RowStatisticsStep: Step {
    /// Makes the notes, unless the convolution that made the image did.
    let kernel: (@Sendable (UnsafePointer<RowStatisticsCall>) -> Void)?
    /// Where the notes lie.
    let notes: TensorPlacement
    /// The image.
    let input: TensorPlacement
    /// Doubles a row before this record in the statistics memory.
    let offset: Int

    /// Where the notes about a tensor of this shape lie: `[row][3][channels]` an image.
    static func notes(of result: FeatureShape) -> TensorPlacement {
        let channels = blocks(ofChannels: result.channels) * channelBlock
        return TensorPlacement(
            shape: FeatureShape(channels: 3 * channels, height: result.height), layout: .planar, halo: 0,
            scope: .worker)
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        let channels = input.planes * channelBlock
        for image in images {
            let mean = context.statistics + (offset * context.batchCapacity + image * 2 * channels)
            if let kernel {
                var call = RowStatisticsCall(
                    input, at: context.origin(image, of: input), notes: context.image(image, of: notes),
                    rows: 0..<input.shape.height)
                kernel(&call)
            }
            combine(context.image(image, of: notes), channels, mean: mean, moment: mean + channels)
        }
    }

    /// Combines rows of equal length: the mean of their means, and their moments with those of their means about it.
    private func combine(
        _ notes: UnsafePointer<Float>, _ channels: Int, mean: UnsafeMutablePointer<Double>,
        moment: UnsafeMutablePointer<Double>
    ) {
        let (height, width) = (input.shape.height, Double(input.shape.width))
        let share = 1 / width
        mean.update(repeating: 0, count: channels)
        moment.update(repeating: 0, count: channels)
        for row in 0..<height {
            let shift = notes + row * 3 * channels
            let sum = shift + channels
            for c in 0..<channels { mean[c] += Double(shift[c]) + Double(sum[c]) * share }
        }
        for c in 0..<channels { mean[c] /= Double(height) }
        for row in 0..<height {
            let shift = notes + row * 3 * channels
            let (sum, squares) = (shift + channels, shift + 2 * channels)
            for c in 0..<channels {
                let difference = Double(sum[c]) * share
                let within = Double(squares[c]) - width * difference * difference
                let deviation = Double(shift[c]) + difference - mean[c]
                moment[c] += max(within, 0) + width * deviation * deviation
            }
        }
    }
}

extension RowStatisticsCall {
    /// Rows `rows` of a map whose pixel (0, 0) is at `origin`, and whose first row's notes are at `notes`.
    init(
        _ placement: TensorPlacement, at origin: UnsafePointer<Float>, notes: UnsafeMutablePointer<Float>,
        rows: Range<Int>
    ) {
        let notesRowStride = 3 * placement.planes * channelBlock
        self.init(
            input: origin + rows.lowerBound * placement.rowStride, rowStride: placement.rowStride,
            blockStride: placement.planeStride, notes: notes + rows.lowerBound * notesRowStride,
            notesRowStride: notesRowStride, blocks: placement.planes, height: rows.count,
            width: placement.shape.width)
    }
}
