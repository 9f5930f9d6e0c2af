import CSIMD
public import Kernels

/// The tag of this module's specialisations: SSE2 on x86-64, NEON on arm64.
enum Baseline: InstructionSet {
    typealias Vector = SIMD4<Float>
    typealias Halves = SIMD4<UInt16>
    typealias Doubles = SIMD2<Double>

    @inline(__always)
    static var unrolledSteps: Int { 1 }

    @inline(__always)
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        #if arch(x86_64)
            // SSE2 has no fused multiply-add; asking for one would call the C library lane by lane.
            sum + a * b
        #else
            sum.addingProduct(a, b)
        #endif
    }

    @inline(__always)
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles {
        #if arch(x86_64)
            sum + a * b
        #else
            sum.addingProduct(a, b)
        #endif
    }

    @inline(__always)
    static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
        let lower = multiplyAdd(sum, csimd_lower4(a), csimd_lower4(b))
        return multiplyAdd(lower, csimd_upper4(a), csimd_upper4(b))
    }

    @inline(__always)
    static func widened(_ halves: Halves) -> Vector { csimd_widen4(halves) }

    @inline(__always)
    static func narrowed(_ vector: Vector) -> Halves { csimd_narrow4(vector) }

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
    public static var baseline: KernelTable {
        KernelTable(
            isa: "baseline", KernelTiles<Baseline, 2, 4, 1, 2, 4, 2, 4, 12>.bodies(),
            pairs: PairTiles<Baseline, 2, 2, 1, 2, 2>.bodies(vectorsPerCycle: 0.5))
    }
}
