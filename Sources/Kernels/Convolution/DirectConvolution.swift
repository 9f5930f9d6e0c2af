/// Direct convolution: panels of output channels, cut into column strips of at most `pixels` pixels, cut into
/// register tiles. `vectors · lanes` channels make a panel; where these are more than a channel block, a last
/// panel of one block (`lastVectors · lanes` channels) serves odd numbers of blocks.
public enum DirectConvolution<
    I: InstructionSet, let vectors: Int, let lastVectors: Int, let pixels: Int, let pixelStride: Int
> {
    @inlinable @inline(__always)
    public static var panelLanes: Int { vectors &* I.lanes }

    /// Computes the call. Strip widths differ by at most one pixel; no output depends on the width of its strip.
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<ConvolutionCall>) {
        let reduction = call.pointee.runCount &* call.pointee.runLength
        let channels = call.pointee.blocks &* channelBlock
        let strips = (call.pointee.width &+ pixels &- 1) / pixels
        var weights = call.pointee.weights
        var channel = 0
        while channel < channels {
            let isWhole = channel &+ panelLanes <= channels
            var column = 0
            for strip in 0..<strips {
                let end = call.pointee.width &* (strip &+ 1) / strips
                if panelLanes <= channelBlock || isWhole {
                    Strip<I, vectors, pixelStride>.run(
                        end &- column, limit: pixels, call, weights: weights, channel: channel, column: column
                    )
                } else {
                    Strip<I, lastVectors, pixelStride>.run(
                        end &- column, limit: pixels, call, weights: weights, channel: channel, column: column
                    )
                }
                column = end
            }
            let lanes = isWhole ? panelLanes : lastVectors &* I.lanes
            weights += reduction &* lanes
            channel &+= lanes
        }
    }
}

/// Picks the register tile as wide as the strip. Widths above `limit`, a constant, are never asked for and cost
/// no code.
public enum Strip<I: InstructionSet, let vectors: Int, let pixelStride: Int> {
    @inlinable @inline(__always)
    static func run(
        _ width: Int, limit: Int, _ call: UnsafePointer<ConvolutionCall>, weights: UnsafePointer<Float>,
        channel: Int, column: Int
    ) {
        switch width {
        case 1:
            ConvolutionTile<I, vectors, 1, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 2 where limit >= 2:
            ConvolutionTile<I, vectors, 2, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 3 where limit >= 3:
            ConvolutionTile<I, vectors, 3, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 4 where limit >= 4:
            ConvolutionTile<I, vectors, 4, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 5 where limit >= 5:
            ConvolutionTile<I, vectors, 5, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 6 where limit >= 6:
            ConvolutionTile<I, vectors, 6, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 7 where limit >= 7:
            ConvolutionTile<I, vectors, 7, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 8 where limit >= 8:
            ConvolutionTile<I, vectors, 8, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 9 where limit >= 9:
            ConvolutionTile<I, vectors, 9, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 10 where limit >= 10:
            ConvolutionTile<I, vectors, 10, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 11 where limit >= 11:
            ConvolutionTile<I, vectors, 11, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 12 where limit >= 12:
            ConvolutionTile<I, vectors, 12, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 13 where limit >= 13:
            ConvolutionTile<I, vectors, 13, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        case 14 where limit >= 14:
            ConvolutionTile<I, vectors, 14, pixelStride>.strip(
                call, weights: weights, channel: channel, column: column)
        default: break
        }
    }
}
