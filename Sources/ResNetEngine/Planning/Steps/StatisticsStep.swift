import Kernels

/// Mean and centred second moment of each channel of each image, for batch normalisation with the batch's own
/// statistics.
struct StatisticsStep: Step {
    let kernel: @Sendable (UnsafePointer<ChannelStatisticsCall>) -> Void
    let input: TensorPlacement
    /// Doubles a row before this record in the statistics memory.
    let offset: Int

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        let channels = input.planes * channelBlock
        for image in images {
            let mean = context.statistics + (offset * context.batchCapacity + image * 2 * channels)
            var call = ChannelStatisticsCall(
                input: context.origin(image, of: input), rowStride: input.rowStride,
                blockStride: input.planeStride, mean: mean, moment: mean + channels, blocks: input.planes,
                height: input.shape.height, width: input.shape.width)
            kernel(&call)
        }
    }
}
