/// The one-dimensional transforms of Winograd's minimal filtering F(4, 3) with the points 0, ±1/√2, ±√2 and ∞
/// (Lavin and Gray 2016; the points after Barabasz et al. 2020): four outputs of a filter of three taps from six
/// inputs with six multiplications.
///
///     y = Aᵀ ((G g) ∘ (Bᵀ d))
///
/// Applied to rows and columns in turn they give F(4×4, 3×3): 36 multiplications where the definition takes 144.
public enum WinogradTransform<I: InstructionSet> {
    /// `Bᵀ d` of six vectors `stride` floats apart, bfloat16 numbers where `isNarrow`, each handed to `store` with its
    /// index.
    @inlinable @inline(__always)
    static func input(
        _ source: UnsafePointer<Float>, stride: Int, isNarrow: Bool = false,
        store: (_ index: Int, I.Vector) -> Void
    ) {
        func d(_ index: Int) -> I.Vector { I.load(source + index &* stride, isNarrow: isNarrow) }
        let (d1, d2, d3, d4) = (d(1), d(2), d(3), d(4))
        let inner = I.multiplyAdd(d4, d2, I.Vector(repeating: -2))
        let outer = I.multiplyAdd(d4, d2, I.Vector(repeating: -0.5))
        let innerOdd = I.multiplyAdd(near * d3, d1, -far)
        let outerOdd = I.multiplyAdd(far * d3, d1, -near)
        store(0, I.multiplyAdd(d(0) + d4, d2, I.Vector(repeating: -2.5)))
        store(1, inner + innerOdd)
        store(2, inner - innerOdd)
        store(3, outer + outerOdd)
        store(4, outer - outerOdd)
        store(5, I.multiplyAdd(d1 + d(5), d3, I.Vector(repeating: -2.5)))
    }

    /// `Aᵀ m` of six vectors `stride` floats apart.
    @inlinable @inline(__always)
    static func output(
        _ source: UnsafePointer<Float>, stride: Int
    ) -> (I.Vector, I.Vector, I.Vector, I.Vector) {
        func m(_ index: Int) -> I.Vector { I.load(source + index &* stride) }
        let (inner, innerOdd) = (m(1) + m(2), m(1) - m(2))
        let (outer, outerOdd) = (m(3) + m(4), m(3) - m(4))
        let half = I.Vector(repeating: 0.5)
        return (
            m(0) + inner + outer,
            I.multiplyAdd(near * innerOdd, outerOdd, far),
            I.multiplyAdd(half * inner, outer, I.Vector(repeating: 2)),
            I.multiplyAdd(I.multiplyAdd(m(5), innerOdd, half * near), outerOdd, far + far)
        )
    }

    /// The points nearer to 0 than 1, and those farther.
    @inlinable @inline(__always)
    static var near: I.Vector { I.Vector(repeating: Float(0.5.squareRoot())) }
    @inlinable @inline(__always)
    static var far: I.Vector { I.Vector(repeating: Float(2.0.squareRoot())) }
}
