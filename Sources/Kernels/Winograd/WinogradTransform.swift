/// The one-dimensional transforms of Winograd's minimal filtering F(4, 3) with the points 0, ±1/√2, ±√2 and ∞
/// (Lavin and Gray 2016; the points after Barabasz et al. 2020): four outputs of a filter of three taps from six
/// inputs with six multiplications.
///
///     y = Aᵀ ((G g) ∘ (Bᵀ d))
///
/// Applied to rows and columns in turn they give F(4×4, 3×3): 36 multiplications where the definition takes 144.
public enum WinogradTransform<I: InstructionSet> {
    /// `Bᵀ d` of six vectors `stride` floats apart, each handed to `store` with its index.
    @inlinable @inline(__always)
    static func input(
        _ source: UnsafePointer<Float>, stride: Int, store: (_ index: Int, I.Vector) -> Void
    ) {
        func d(_ index: Int) -> I.Vector { I.load(source + index &* stride) }
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

/// The weights' side of the transform.
public enum WinogradWeights {
    /// Products of a tile, in rows of six.
    public static let elements = 36
    /// Outputs of a tile along one side.
    public static let tile = 4

    /// `G g Gᵀ` of nine taps in rows of three, in float64.
    public static func transform(_ g: (_ r: Int, _ s: Int) -> Double) -> [Double] {
        let rows = (0..<3).map { r in transform(g(r, 0), g(r, 1), g(r, 2)) }
        let columns = (0..<6).map { c in transform(rows[0][c], rows[1][c], rows[2][c]) }
        return (0..<6).flatMap { r in (0..<6).map { c in columns[c][r] } }
    }

    /// `G g`: the filter's polynomial at each point, divided by the product of the point's distances from the others.
    private static func transform(_ g0: Double, _ g1: Double, _ g2: Double) -> [Double] {
        func value(at point: Double, over product: Double) -> Double {
            (g0 + g1 * point + g2 * point * point) / product
        }
        let (small, large) = (0.5.squareRoot(), 2.0.squareRoot())
        return [
            g0, value(at: small, over: -1.5), value(at: -small, over: -1.5), value(at: large, over: 6),
            value(at: -large, over: 6), g2,
        ]
    }
}
