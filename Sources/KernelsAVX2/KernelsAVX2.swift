import CSIMD
public import Kernels

/// The tag of this module's specialisations.
enum AVX2: InstructionSet {
    typealias Vector = SIMD8<Float>
    typealias Halves = SIMD8<UInt16>
    typealias Doubles = SIMD4<Double>

    @inline(__always)
    static var unrolledSteps: Int { 8 }

    @inline(__always)
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum.addingProduct(a, b) }

    @inline(__always)
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles { sum.addingProduct(a, b) }

    @inline(__always)
    static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        let lower = multiplyAdd(sum, csimd_lower8(a), csimd_lower8(b))
        return multiplyAdd(lower, csimd_upper8(a), csimd_upper8(b))
    }

    @inline(__always)
    static func widened(_ halves: Halves) -> Vector { csimd_widen8(halves) }

    @inline(__always)
    static func narrowed(_ vector: Vector) -> Halves { csimd_narrow8(vector) }

    @inline(__always)
    static func rectified(_ vector: Vector) -> Vector {
        vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
    }

    @inline(__always)
    static func larger(_ a: Vector, _ b: Vector) -> Vector {
        b.replacing(with: a, where: a .> b).replacing(with: a, where: a .!= a)
    }
}

extension KernelTable {
    /// Made anew at each call: a stored table would make this module emit code that copies one.
    public static var avx2: KernelTable {
        KernelTable(
            isa: "avx2", KernelTiles<AVX2, 4, 3, 1, 2, 6, 2, 5, 12>.bodies(),
            pairs: PairTiles<AVX2, 2, 3, 1, 2, 3>.bodies(vectorsPerCycle: 1))
    }
}
