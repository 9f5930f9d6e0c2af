/// Mean and centred second moment of each channel of one image in the blocked layout:
///
///     mean[c] = Σ_yx input[c, y, x] / (h · w),   moment[c] = Σ_yx (input[c, y, x] − mean[c])²
///
/// in two passes: each row is summed in float32 from left to right, the rows are added in Double from top to
/// bottom. Images combine without cancellation by Chan, Golub and LeVeque's pairwise update.
///
/// - `mean`, `moment`: `blocks · 16` doubles.
public struct ChannelStatisticsCall {
    public var input: UnsafePointer<Float>
    public var rowStride: Int
    public var blockStride: Int
    public var mean: UnsafeMutablePointer<Double>
    public var moment: UnsafeMutablePointer<Double>
    public var blocks: Int
    public var height: Int
    public var width: Int

    public init(
        input: UnsafePointer<Float>, rowStride: Int, blockStride: Int, mean: UnsafeMutablePointer<Double>,
        moment: UnsafeMutablePointer<Double>, blocks: Int, height: Int, width: Int
    ) {
        self.input = input
        self.rowStride = rowStride
        self.blockStride = blockStride
        self.mean = mean
        self.moment = moment
        self.blocks = blocks
        self.height = height
        self.width = width
    }
}

public enum ChannelStatistics<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<ChannelStatisticsCall>) {
        for block in 0..<call.pointee.blocks {
            var lane = 0
            while lane < channelBlock {
                vector(call, block: block, lane: lane)
                lane &+= I.lanes
            }
        }
    }

    @inlinable @inline(never)
    static func vector(_ call: UnsafePointer<ChannelStatisticsCall>, block: Int, lane: Int) {
        let input = call.pointee.input + (block &* call.pointee.blockStride &+ lane)
        let channel = block &* channelBlock &+ lane
        let mean = call.pointee.mean + channel
        let moment = call.pointee.moment + channel
        let area = Double(call.pointee.height &* call.pointee.width)
        for i in 0..<I.lanes {
            mean[i] = 0
            moment[i] = 0
        }
        for y in 0..<call.pointee.height {
            let row = input + y &* call.pointee.rowStride
            var sum = I.Vector(repeating: 0)
            for x in 0..<call.pointee.width { sum += I.load(row + x &* channelBlock) }
            for i in 0..<I.lanes { mean[i] += Double(sum[i]) }
        }
        var centre = I.Vector(repeating: 0)
        for i in 0..<I.lanes {
            mean[i] /= area
            centre[i] = Float(mean[i])
        }
        for y in 0..<call.pointee.height {
            let row = input + y &* call.pointee.rowStride
            var sum = I.Vector(repeating: 0)
            for x in 0..<call.pointee.width {
                let deviation = I.load(row + x &* channelBlock) - centre
                sum = I.multiplyAdd(sum, deviation, deviation)
            }
            for i in 0..<I.lanes { moment[i] += Double(sum[i]) }
        }
        // The moment was taken about the mean rounded to float32; move it to the mean itself.
        for i in 0..<I.lanes {
            let shift = mean[i] - Double(centre[i])
            moment[i] = max(0, moment[i] - area * shift * shift)
        }
    }
}
