import Kernels

/// The vectors and tiles of AVX-512 in whatever code this machine runs: its panels of two channel blocks and its
/// wide strips are tested everywhere.
enum EmulatedWide: InstructionSet {
    typealias Vector = SIMD16<Float>
    typealias Doubles = SIMD8<Double>
    static var unrolledSteps: Int { 1 }
    static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector { sum + a * b }
    static func multiplyAdd(_ sum: Doubles, _ a: Doubles, _ b: Doubles) -> Doubles { sum + a * b }
    static func rectified(_ vector: Vector) -> Vector {
        vector.replacing(with: Vector(repeating: 0), where: Vector(repeating: 0) .> vector)
    }
    static func larger(_ a: Vector, _ b: Vector) -> Vector {
        b.replacing(with: a, where: a .> b).replacing(with: a, where: a .!= a)
    }
}

extension KernelTable {
    static let emulatedWide = KernelTable(
        isa: "emulated", KernelTiles<EmulatedWide, 2, 2, 7, 1, 8, 4, 5, 24>.bodies())
}
