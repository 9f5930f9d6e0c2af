public import Kernels

/// The tag of this module's specialisations.
enum AVX512: InstructionSet {
    typealias Vector = SIMD16<Float>
    static var name: String { "avx512" }

    @inline(__always)
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum.addingProduct(a, b) }

    @inline(__always)
    static func rectified(_ vector: Vector) -> Vector {
        vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
    }
}

extension KernelTable {
    public static let avx512: KernelTable = KernelTiles<AVX512, 2, 1, 14, 4, 5, 24>.table()
}
