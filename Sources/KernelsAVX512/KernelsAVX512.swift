import CSIMD
public import Kernels

/// The tag of this module's specialisations.
enum AVX512: InstructionSet {
    typealias Vector = SIMD16<Float>
    typealias Halves = SIMD16<UInt16>
    typealias Doubles = SIMD8<Double>

    @inline(__always)
    static var unrolledSteps: Int { 1 }

    @inline(__always)
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum.addingProduct(a, b) }

    @inline(__always)
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles { sum.addingProduct(a, b) }

    @inline(__always)
    static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        let lower = multiplyAdd(sum, csimd_lower16(a), csimd_lower16(b))
        return multiplyAdd(lower, csimd_upper16(a), csimd_upper16(b))
    }

    @inline(__always)
    static func widened(_ halves: Halves) -> Vector { csimd_widen16(halves) }

    @inline(__always)
    static func narrowed(_ vector: Vector) -> Halves { csimd_narrow16(vector) }

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
    public static var avx512: KernelTable {
        KernelTable(
            isa: "avx512", KernelTiles<AVX512, 2, 2, 7, 1, 8, 4, 5, 24>.bodies(),
            pairs: PairTiles<AVX512, 2, 2, 4, 1, 8>.bodies(vectorsPerCycle: 1.5))
    }
}
