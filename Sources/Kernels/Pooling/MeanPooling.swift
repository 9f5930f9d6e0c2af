/// The mean of each window's pixels that lie in the map.
public enum MeanPooling<I: InstructionSet> {
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
                let count = max(r.count &* s.count, 1)
                var lane = 0
                while lane < channelBlock {
                    var sum = I.Vector(repeating: 0)
                    var row = map + (r.lowerBound &* p.inputRowStride &+ lane)
                    var h = r.lowerBound
                    while h < r.upperBound {
                        var rowSum = I.Vector(repeating: 0)
                        var w = s.lowerBound
                        while w < s.upperBound {
                            rowSum += I.load(row + w &* channelBlock)
                            w &+= 1
                        }
                        sum += rowSum
                        row += p.inputRowStride
                        h &+= 1
                    }
                    I.store(sum / Float(count), output + (x &* channelBlock &+ lane))
                    lane &+= I.lanes
                }
                x &+= 1
            }
            y &+= 1
        }
    }
}
