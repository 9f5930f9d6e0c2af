#if arch(x86_64)
    import CSIMD
    public import Kernels

    /// The tag of this module's specialisations: AVX-512 with products of bfloat16 numbers. Denormal numbers count as zeros in
    /// these.
    enum AVX512BF16: InstructionSet {
        typealias Vector = SIMD16<Float>
        typealias Halves = SIMD16<UInt16>
        typealias Doubles = SIMD8<Double>

        @inline(__always)
        static var unrolledSteps: Int { 1 }

        @inline(__always)
        static var narrowsByInstruction: Bool { true }

        @inline(__always)
        static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum.addingProduct(a, b) }

        @inline(__always)
        static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles {
            sum.addingProduct(a, b)
        }

        @inline(__always)
        static func multiplyAddPairs(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
            csimd_multiply_add_pairs(sum, a, b)
        }

        @inline(__always)
        static func widened(_ halves: Halves) -> Vector { csimd_widen16(halves) }

        @inline(__always)
        static func narrowed(_ vector: Vector) -> Halves { csimd_narrow_fast(vector) }

        @inline(__always)
        static func rectified(_ vector: Vector) -> Vector {
            vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
        }

        @inline(__always)
        static func larger(_ a: Vector, _ b: Vector) -> Vector {
            b.replacing(with: a, where: a .> b).replacing(with: a, where: a .!= a)
        }
    }

    extension PairBodies {
        /// Made anew at each call, as tables are.
        public static var avx512bf16: PairBodies {
            PairTiles<AVX512BF16, 2, 2, 7, 1, 8>.bodies(vectorsPerCycle: 4)
        }
    }
#endif
