/// The tag of one instruction set: which vectors it has and how it multiplies and adds.
///
/// Kernel bodies are generic over it. Every ISA module conforms an **internal** enum of its own, so that the
/// specialisations it makes carry its name and no other module can emit a symbol that merges with them.
public protocol InstructionSet: SendableMetatype {
    associatedtype Vector: SIMD & BitwiseCopyable where Vector.Scalar == Float
    /// `sum + a · b`, with one rounding where the instruction set has a fused multiply-add.
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector
    /// `sum` + what weights `a` and inputs `b` add to it in a convolution: `multiplyAdd`, unless the lanes hold something
    /// else than one number each.
    static func addTerms(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector
    /// As many bfloat16 numbers as a vector has lanes.
    associatedtype Halves: SIMD & BitwiseCopyable where Halves.Scalar == UInt16
    /// `sum` + the products of the lower and of the upper of the two bfloat16 numbers in each lane of `a` and `b`.
    static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector
    /// Whether one instruction rounds to bfloat16. Several need registers for their constants.
    static var narrowsByInstruction: Bool { get }
    /// Whether lanes hold pairs of bfloat16 numbers in the place of numbers.
    static var takesPairs: Bool { get }
    /// bfloat16 numbers as float32.
    static func widened(_ halves: Halves) -> Vector
    /// Rounded to bfloat16, to nearest.
    static func narrowed(_ vector: Vector) -> Halves
    /// Vectors of float64 as wide, for what is computed once when an engine is prepared.
    associatedtype Doubles: SIMD & BitwiseCopyable where Doubles.Scalar == Double
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles
    /// `max(vector, 0)` by lane; a NaN stays a NaN. A requirement because only the comparison of a concrete
    /// vector type is one instruction.
    static func rectified(_ vector: Vector) -> Vector
    /// The larger value by lane, NaN where one of them is.
    static func larger(_ a: Vector, _ b: Vector) -> Vector
    /// Steps of a convolution's reduction between two branches, a divisor of 16. More save instructions, until the
    /// compiler keeps weights of later steps in registers that the sums need.
    static var unrolledSteps: Int { get }
}

extension InstructionSet {
    @inlinable @inline(__always) public static var narrowsByInstruction: Bool { false }
    @inlinable @inline(__always) public static var takesPairs: Bool { false }

    @inlinable @inline(__always)
    public static func addTerms(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { multiplyAdd(sum, a, b) }

    /// Floats in a vector. A divisor or a multiple of `channelBlock`.
    @inlinable @inline(__always) public static var lanes: Int { Vector.scalarCount }

    @inlinable @inline(__always)
    public static func load(_ pointer: UnsafePointer<Float>) -> Vector {
        UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
    }

    @inlinable @inline(__always)
    public static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
    }
}

/// Channels that lie side by side in memory in the blocked layout: `n [c/16] h w 16`.
public let channelBlock = 16

/// `count` rounded up to whole channel blocks.
@inlinable @inline(__always)
public func blocks(ofChannels count: Int) -> Int { (count &+ channelBlock &- 1) / channelBlock }
