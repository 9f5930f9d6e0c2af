import Kernels

/// The vectors and tiles of AVX-512 in whatever code this machine runs: its panels of two channel blocks and its
/// wide strips are tested everywhere.
enum EmulatedWide: InstructionSet {
    typealias Vector = SIMD16<Float>
    typealias Halves = SIMD16<UInt16>
    typealias Doubles = SIMD8<Double>
    static var unrolledSteps: Int { 1 }
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum + a * b }
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles { sum + a * b }
    static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        func lower(_ pairs: Vector) -> Vector { Vector(bits: Bits(pairs) &<< 16) }
        func upper(_ pairs: Vector) -> Vector { Vector(bits: Bits(pairs) & 0xffff_0000) }
        return multiplyAdd(multiplyAdd(sum, lower(a), lower(b)), upper(a), upper(b))
    }
    static func widened(_ halves: Halves) -> Vector {
        Vector(bits: Bits(truncatingIfNeeded: halves) &<< 16)
    }
    static func narrowed(_ vector: Vector) -> Halves {
        var halves = Halves()
        for lane in 0..<16 { halves[lane] = vector[lane].bfloat16 }
        return halves
    }
    static func rectified(_ vector: Vector) -> Vector {
        vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
    }
    static func larger(_ a: Vector, _ b: Vector) -> Vector {
        b.replacing(with: a, where: a .> b).replacing(with: a, where: a .!= a)
    }
}

extension KernelTable {
    static let emulatedWide = KernelTable(
        isa: "emulated", KernelTiles<EmulatedWide, 2, 2, 7, 1, 8, 4, 5, 24>.bodies(),
        pairs: PairTiles<EmulatedWide, 2, 2, 7, 1, 8>.bodies(vectorsPerCycle: 4))
}

private typealias Bits = SIMD16<UInt32>

extension SIMD16<Float> {
    fileprivate init(bits: Bits) { self = unsafeBitCast(bits, to: Self.self) }
}

extension SIMD16<UInt32> {
    fileprivate init(_ vector: SIMD16<Float>) { self = unsafeBitCast(vector, to: Self.self) }
}
