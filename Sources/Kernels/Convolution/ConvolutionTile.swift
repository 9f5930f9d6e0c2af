/// The register tile of direct convolution: `vectors` vectors of output channels × `pixels` neighbouring
/// output pixels, the whole reduction in registers. `pixelStride` is the distance in floats between the inputs
/// of neighbouring outputs: 16·stride in the blocked layout, the stride itself in the planar one.
public enum ConvolutionTile<I: InstructionSet, let vectors: Int, let pixels: Int, let pixelStride: Int> {
    /// A column strip `pixels` wide of one panel, top to bottom: neighbouring rows share their input taps while
    /// these are in L1.
    @inlinable @inline(never)
    static func strip(
        _ call: UnsafePointer<ConvolutionCall>, weights: UnsafePointer<Float>, channel: Int, column: Int
    ) {
        let block = channel / channelBlock
        let lane = channel % channelBlock
        let bias = call.pointee.bias + channel
        var input = call.pointee.input + column &* pixelStride
        var output =
            call.pointee.output + (block &* call.pointee.outputBlockStride &+ column &* channelBlock &+ lane)
        var residual = call.pointee.residual.map {
            $0 + (block &* call.pointee.residualBlockStride &+ column &* channelBlock &+ lane)
        }
        var row = 0
        while row < call.pointee.height {
            tile(call, input: input, weights: weights, bias: bias, residual: residual, output: output)
            input += call.pointee.inputRowStride
            output += call.pointee.outputRowStride
            residual = residual.map { $0 + call.pointee.residualRowStride }
            row &+= 1
        }
    }

    @inlinable @inline(__always)
    static func tile(
        _ call: UnsafePointer<ConvolutionCall>, input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
        bias: UnsafePointer<Float>, residual: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>
    ) {
        typealias Row = InlineArray<pixels, I.Vector>
        var sums = InlineArray<vectors, Row>(repeating: Row(repeating: I.Vector(repeating: 0)))
        for v in 0..<vectors {
            sums[v] = Row(repeating: I.load(bias + v &* I.lanes))
        }

        var weight = weights
        var run = 0
        while run < call.pointee.runCount {
            var tap = input + Int(call.pointee.runs[run])
            var remaining = call.pointee.runLength
            while remaining > 0 {
                var panel = InlineArray<vectors, I.Vector>(repeating: I.Vector(repeating: 0))
                for v in 0..<vectors { panel[v] = I.load(weight + v &* I.lanes) }
                for p in 0..<pixels {
                    let value = I.Vector(repeating: tap[p &* pixelStride])
                    for v in 0..<vectors { sums[v][p] = I.multiplyAdd(sums[v][p], value, panel[v]) }
                }
                weight += vectors &* I.lanes
                tap += 1
                remaining &-= 1
            }
            run &+= 1
        }

        if let residual {
            for v in 0..<vectors {
                let source = residual + offset(ofVector: v, blockStride: call.pointee.residualBlockStride)
                for p in 0..<pixels { sums[v][p] += I.load(source + p &* channelBlock) }
            }
        }
        if call.pointee.rectifies {
            for v in 0..<vectors {
                for p in 0..<pixels { sums[v][p] = I.rectified(sums[v][p]) }
            }
        }
        for v in 0..<vectors {
            let target = output + offset(ofVector: v, blockStride: call.pointee.outputBlockStride)
            for p in 0..<pixels { I.store(sums[v][p], target + p &* channelBlock) }
        }
    }

    /// Where the vector's channels start, counted from the first vector of the panel.
    @inlinable @inline(__always)
    static func offset(ofVector index: Int, blockStride: Int) -> Int {
        let channel = index &* I.lanes
        return channel / channelBlock &* blockStride &+ channel % channelBlock
    }
}
