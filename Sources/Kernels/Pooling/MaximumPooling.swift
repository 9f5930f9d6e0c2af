/// The largest value of each window; a NaN in it wins, as in PyTorch.
public enum MaximumPooling<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<PoolingCall>) {
        for block in 0..<call.pointee.blocks {
            switch (call.pointee.inputIsNarrow, call.pointee.outputIsNarrow) {
            case (false, false): MaximumPoolingRows<I, 0, 0>.run(call, block: block)
            case (false, true): MaximumPoolingRows<I, 0, 1>.run(call, block: block)
            case (true, false): MaximumPoolingRows<I, 1, 0>.run(call, block: block)
            case (true, true): MaximumPoolingRows<I, 1, 1>.run(call, block: block)
            }
        }
    }
}

/// The rows of one channel block, from and to bfloat16 numbers where `narrowInput` and `narrowOutput` are 1.
public enum MaximumPoolingRows<I: InstructionSet, let narrowInput: Int, let narrowOutput: Int> {
    @inlinable @inline(never)
    static func run(_ call: UnsafePointer<PoolingCall>, block: Int) {
        let (fromNarrow, toNarrow) = (narrowInput == 1, narrowOutput == 1)
        let (pixel, outputPixel) = (blockWords(isNarrow: fromNarrow), blockWords(isNarrow: toNarrow))
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
                    let first = map + (r.lowerBound &* p.inputRowStride &+ (fromNarrow ? lane / 2 : lane))
                    var largest = I.load(first + s.lowerBound &* pixel, isNarrow: fromNarrow)
                    var row = first
                    var h = r.lowerBound
                    while h < r.upperBound {
                        var w = s.lowerBound
                        while w < s.upperBound {
                            largest = I.larger(
                                largest, I.load(row + w &* pixel, isNarrow: fromNarrow))
                            w &+= 1
                        }
                        row += p.inputRowStride
                        h &+= 1
                    }
                    I.store(
                        largest, output + (x &* outputPixel &+ (toNarrow ? lane / 2 : lane)),
                        isNarrow: toNarrow)
                    lane &+= I.lanes
                }
                x &+= 1
            }
            y &+= 1
        }
    }
}
