/// One image through a sum of per-channel affine maps, all operands in the blocked layout:
///
///     output[c, y, x] = act(shift[c] + first[c, y, x] · scale[c] + second[c, y, x] · secondScale[c])
///
/// - `second`: may be absent. `first` and `second` may be `output` itself, else must not overlap it.
/// - `shift`, `scale`, `secondScale`: `blocks · 16` floats.
public struct ChannelAffineCall {
    /// A blocked map at (0, 0), and its strides in floats.
    public struct Map {
        public var pointer: UnsafeMutablePointer<Float>
        public var rowStride: Int
        public var blockStride: Int

        public init(pointer: UnsafeMutablePointer<Float>, rowStride: Int, blockStride: Int) {
            self.pointer = pointer
            self.rowStride = rowStride
            self.blockStride = blockStride
        }
    }

    public var output: Map
    public var first: Map
    public var second: Map?
    public var shift: UnsafePointer<Float>
    public var scale: UnsafePointer<Float>
    public var secondScale: UnsafePointer<Float>
    public var blocks: Int
    public var height: Int
    public var width: Int
    public var rectifies: Bool

    public init(
        output: Map, first: Map, second: Map?, shift: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        secondScale: UnsafePointer<Float>, blocks: Int, height: Int, width: Int, rectifies: Bool
    ) {
        self.output = output
        self.first = first
        self.second = second
        self.shift = shift
        self.scale = scale
        self.secondScale = secondScale
        self.blocks = blocks
        self.height = height
        self.width = width
        self.rectifies = rectifies
    }
}

public enum ChannelAffine<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<ChannelAffineCall>) {
        for block in 0..<call.pointee.blocks { rows(call, block: block) }
    }

    @inlinable @inline(never)
    static func rows(_ call: UnsafePointer<ChannelAffineCall>, block: Int) {
        for y in 0..<call.pointee.height {
            let output = at(call.pointee.output, block: block, row: y)
            let first = at(call.pointee.first, block: block, row: y)
            let second = call.pointee.second.map { at($0, block: block, row: y) }
            let channel = block &* channelBlock
            var lane = 0
            while lane < channelBlock {
                row(call, channel: channel &+ lane, output + lane, first + lane, second.map { $0 + lane })
                lane &+= I.lanes
            }
        }
    }

    /// One row of one vector of channels.
    @inlinable @inline(__always)
    static func row(
        _ call: UnsafePointer<ChannelAffineCall>, channel: Int, _ output: UnsafeMutablePointer<Float>,
        _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>?
    ) {
        let shift = I.load(call.pointee.shift + channel)
        let scale = I.load(call.pointee.scale + channel)
        let secondScale = I.load(call.pointee.secondScale + channel)
        let rectifies = call.pointee.rectifies
        let end = call.pointee.width &* channelBlock
        var x = 0
        while x < end {
            var sum = I.multiplyAdd(shift, I.load(first + x), scale)
            if let second { sum = I.multiplyAdd(sum, I.load(second + x), secondScale) }
            I.store(rectifies ? I.rectified(sum) : sum, output + x)
            x &+= channelBlock
        }
    }

    @inlinable @inline(__always)
    static func at(_ map: ChannelAffineCall.Map, block: Int, row: Int) -> UnsafeMutablePointer<Float> {
        map.pointer + (block &* map.blockStride &+ row &* map.rowStride)
    }
}
