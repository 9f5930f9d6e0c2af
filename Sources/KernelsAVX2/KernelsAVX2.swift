public import Kernels

/// The tag of this module's specialisations.
enum AVX2: InstructionSet {
    typealias Vector = SIMD8<Float>
    static var name: String { "avx2" }

    @inline(__always)
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum.addingProduct(a, b) }

    @inline(__always)
    static func rectified(_ vector: Vector) -> Vector {
        vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
    }
}

extension KernelTable {
    public static let avx2: KernelTable = KernelTiles<AVX2, 2, 2, 6, 2, 5, 12>.table()
}
