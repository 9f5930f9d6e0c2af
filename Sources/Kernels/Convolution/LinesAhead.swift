public import CSIMD

/// Memory that something later reads, of which a convolution asks for some lines with each channel block of its reduction.
@frozen public struct LinesAhead {
    /// Lines asked for at a time: so few that the convolution's own readings do not wait for them.
    @inlinable public static var linesAtOnce: Int { 8 }

    @usableFromInline var next: UnsafePointer<Float>
    @usableFromInline let end: UnsafePointer<Float>

    public init(_ memory: Range<UnsafePointer<Float>>) {
        next = memory.lowerBound
        end = memory.upperBound
    }

    /// Asks for the next lines.
    @inlinable @inline(__always)
    mutating func ask() {
        guard next < end else { return }
        for line in 0..<Self.linesAtOnce { csimd_prefetch_l3(next + line &* channelBlock) }
        next += Self.linesAtOnce &* channelBlock
    }
}
