/// Convolution of any geometry, one output at a time, accumulated in Double: the path for what no vector kernel
/// takes. It follows the contract of `ConvolutionCall` with panels of one channel block.
public enum ReferenceConvolution {
    public static let kernel = ConvolutionKernel(
        name: "conv.f32.1x1.reference", panelLanes: channelBlock,
        supports: {
            $0.inputLayout == .blockedPairs || $0.inputLayout == .planarPairs
                ? .no("\($0.inputLayout.rawValue) input, takes float32") : .yes
        },
        run: { run($0) })

    static func run(_ call: UnsafePointer<ConvolutionCall>) {
        let c = call.pointee
        let reduction = c.runCount * c.runLength
        for channel in 0..<c.blocks * channelBlock {
            let (block, lane) = (channel / channelBlock, channel % channelBlock)
            let weights = c.weights + (block * reduction * channelBlock + lane)
            for y in 0..<c.height {
                for x in 0..<c.width {
                    let input = c.input + (y * c.inputRowStride + x * c.inputPixelStride)
                    var sum = Double(c.bias[channel])
                    for run in 0..<c.runCount {
                        for l in 0..<c.runLength {
                            let weight = weights[(run * c.runLength + l) * channelBlock]
                            sum += Double(input[Int(c.runs[run]) + l]) * Double(weight)
                        }
                    }
                    if let residual = c.residual {
                        let row = residual + (block * c.residualBlockStride + y * c.residualRowStride)
                        sum += Double(load(c, row, x * channelBlock + lane))
                    }
                    if c.rectifies, sum < 0 { sum = 0 }
                    let row = c.output + (block * c.outputBlockStride + y * c.outputRowStride)
                    store(c, Float(sum), row, x * channelBlock + lane)
                }
                addStatistics(c, row: y, channel: channel)
            }
        }
    }

    private static func load(_ c: ConvolutionCall, _ row: UnsafePointer<Float>, _ index: Int) -> Float {
        guard c.resultIsNarrow else { return row[index] }
        let halves = UnsafeRawPointer(row).assumingMemoryBound(to: UInt16.self)
        return Float(bfloat16: halves[index])
    }

    private static func store(
        _ c: ConvolutionCall, _ value: Float, _ row: UnsafeMutablePointer<Float>, _ index: Int
    ) {
        guard c.resultIsNarrow else { return row[index] = value }
        let halves = UnsafeMutableRawPointer(row).assumingMemoryBound(to: UInt16.self)
        halves[index] = value.bfloat16
    }

    /// Notes one row of one channel of the result.
    private static func addStatistics(_ c: ConvolutionCall, row: Int, channel: Int) {
        guard let statistics = c.statistics else { return }
        let (block, lane) = (channel / channelBlock, channel % channelBlock)
        let values = c.output + (block * c.outputBlockStride + row * c.outputRowStride + lane)
        let channels = c.blocks * channelBlock
        let entry = statistics + (row * 3 * channels + channel)
        var (sum, squares) = (Float(0), Float(0))
        for x in 0..<c.width {
            let difference = values[x * channelBlock] - values[0]
            sum += difference
            squares += difference * difference
        }
        entry[0] = values[0]
        entry[channels] = sum
        entry[2 * channels] = squares
    }
}
