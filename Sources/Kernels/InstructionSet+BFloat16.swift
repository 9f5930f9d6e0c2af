/// An instruction set whose convolutions sum the products of pairs of bfloat16 numbers, two channels in each lane.
/// Everything else stays float32.
public enum PairProducts<I: InstructionSet>: InstructionSet {
    public typealias Vector = I.Vector
    public typealias Halves = I.Halves
    public typealias Doubles = I.Doubles

    @inlinable @inline(__always) public static var narrowsByInstruction: Bool { I.narrowsByInstruction }
    @inlinable @inline(__always) public static var takesPairs: Bool { true }

    @inlinable @inline(__always)
    public static func addTerms(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        I.multiplyAddPairs(sum, a, b)
    }

    @inlinable @inline(__always)
    public static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        I.multiplyAdd(sum, a, b)
    }

    @inlinable @inline(__always)
    public static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles {
        I.multiplyAdd(sum, a, b)
    }

    @inlinable @inline(__always)
    public static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        I.multiplyAddPairs(sum, a, b)
    }

    @inlinable @inline(__always)
    public static func widened(_ halves: Halves) -> Vector { I.widened(halves) }

    @inlinable @inline(__always)
    public static func narrowed(_ vector: Vector) -> Halves { I.narrowed(vector) }

    @inlinable @inline(__always)
    public static func rectified(_ vector: Vector) -> Vector { I.rectified(vector) }

    @inlinable @inline(__always)
    public static func larger(_ a: Vector, _ b: Vector) -> Vector { I.larger(a, b) }

    @inlinable @inline(__always)
    public static var unrolledSteps: Int { I.unrolledSteps }
}

extension InstructionSet {
    /// As `load`, of as many bfloat16 numbers where `isNarrow`.
    @inlinable @inline(__always)
    static func load(_ pointer: UnsafePointer<Float>, isNarrow: Bool) -> Vector {
        isNarrow ? widened(UnsafeRawPointer(pointer).loadUnaligned(as: Halves.self)) : load(pointer)
    }

    /// As `store`, rounded to bfloat16 where `isNarrow`.
    @inlinable @inline(__always)
    static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>, isNarrow: Bool) {
        if isNarrow {
            UnsafeMutableRawPointer(pointer).storeBytes(of: narrowed(vector), as: Halves.self)
        } else {
            store(vector, pointer)
        }
    }
}

/// Floats, or the places of floats, that one pixel of a channel block takes: bfloat16 numbers lie two in a place, the one
/// of the lower channel first.
@inlinable @inline(__always)
public func blockWords(isNarrow: Bool) -> Int { isNarrow ? channelBlock / 2 : channelBlock }

extension Float {
    /// The number of a bfloat16's bits.
    @inline(__always)
    public init(bfloat16 bits: UInt16) { self.init(bitPattern: UInt32(bits) << 16) }

    /// The bits of the number rounded to bfloat16, to nearest, ties to even; a NaN stays one.
    @inline(__always)
    public var bfloat16: UInt16 {
        let bits = bitPattern
        return UInt16(
            truncatingIfNeeded: isNaN ? bits >> 16 | 0x40 : (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}
