/// The largest value of each window; a NaN in it wins, as in PyTorch.
public enum MaximumPooling<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<PoolingCall>) {
        for block in 0..<call.pointee.blocks { rows(call, block: block) }
    }

    @inlinable @inline(never)
    static func rows(_ call: UnsafePointer<PoolingCall>, block: Int) {
        let p = call.pointee
        let map = p.input + block &* p.inputBlockStride
        let end = p.firstRow &+ p.rows
        var y = p.firstRow
        while y < end {
            let output = p.output + (block &* p.outputBlockStride &+ y &* p.outputRowStride)
            let r = PoolingCall.covered(
                y, stride: p.strideHeight, padding: p.paddingHeight, kernel: p.kernelHeight,
                size: p.inputHeight)
            var x = 0
            while x < p.outputWidth {
                let s = PoolingCall.covered(
                    x, stride: p.strideWidth, padding: p.paddingWidth, kernel: p.kernelWidth,
                    size: p.inputWidth)
                var lane = 0
                while lane < channelBlock {
                    let first = map + (r.lowerBound &* p.inputRowStride &+ lane)
                    var largest = I.load(first + s.lowerBound &* channelBlock)
                    var row = first
                    var h = r.lowerBound
                    while h < r.upperBound {
                        var w = s.lowerBound
                        while w < s.upperBound {
                            largest = I.larger(largest, I.load(row + w &* channelBlock))
                            w &+= 1
                        }
                        row += p.inputRowStride
                        h &+= 1
                    }
                    I.store(largest, output + (x &* channelBlock &+ lane))
                    lane &+= I.lanes
                }
                x &+= 1
            }
            y &+= 1
        }
    }
}
