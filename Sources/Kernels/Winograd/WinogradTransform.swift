/// The one-dimensional transforms of Winograd's minimal filtering F(4, 3) with the points 0, ±1/√2, ±√2 and ∞
/// (Lavin and Gray 2016; the points after Barabasz et al. 2020): four outputs of a filter of three taps from six
/// inputs with six multiplications.
///
///     y = Aᵀ ((G g) ∘ (Bᵀ d))
///
/// Applied to rows and columns in turn they give F(4×4, 3×3): 36 multiplications where the definition takes 144.
///
/// Where a map ends with fewer outputs, F(3, 3) with the points 0, ±1/√2, √2, ∞ and F(2, 3) with 0, ±1/√2, ∞ take five and
/// four. Their filters' `G g` are those of F(4, 3) at these points but for a factor each, which is part of their `Bᵀ`: all
/// share the same weights.
public enum WinogradTransform<I: InstructionSet> {
    /// `Bᵀ d` of `outputs` + `taps` - 1 vectors `stride` floats apart, bfloat16 numbers where `isNarrow`, each handed to
    /// `store` with its element: 0 … 5, without 4 for three outputs, without 3 and 4 for two. A filter of two taps is one of
    /// three with a 0 before them and has no element 0; one tap, with a 0 after it too, has no element 5.
    @inlinable @inline(__always)
    static func input(
        _ source: UnsafePointer<Float>, stride: Int, outputs: Int, taps: Int, isNarrow: Bool = false,
        store: (_ element: Int, I.Vector) -> Void
    ) {
        @inline(__always) func d(_ index: Int) -> I.Vector {
            I.load(source + (taps == 3 ? index : index &- 1) &* stride, isNarrow: isNarrow)
        }
        let (d1, d2) = (d(1), d(2))
        if outputs == 2 {
            let even = I.Vector(repeating: -1.5) * d2
            let odd = I.Vector(repeating: -1.5) * near * d1
            if taps == 3 { store(0, I.multiplyAdd(d(0), d2, I.Vector(repeating: -2))) }
            store(1, even + odd)
            store(2, even - odd)
            if taps > 1 { store(5, I.multiplyAdd(d(3), d1, I.Vector(repeating: -0.5))) }
            return
        }
        let d3 = d(3)
        if outputs == 3 {
            let scale = I.Vector(repeating: 1.5) * far
            if taps == 3 {
                store(
                    0,
                    I.multiplyAdd(
                        I.multiplyAdd(I.multiplyAdd(d(0), d1, -near), d2, I.Vector(repeating: -2)), d3, far))
            }
            store(1, scale * (I.multiplyAdd(d3, d2, -near) - d1))
            store(2, near * (I.multiplyAdd(d3, d2, I.Vector(repeating: -3) * near) + d1))
            store(3, (far + far) * I.multiplyAdd(d3, d1, I.Vector(repeating: -0.5)))
            if taps > 1 {
                store(
                    5,
                    I.multiplyAdd(
                        I.multiplyAdd(I.multiplyAdd(d(4), d3, -far), d2, I.Vector(repeating: -0.5)), d1, near)
                )
            }
            return
        }
        let d4 = d(4)
        let inner = I.multiplyAdd(d4, d2, I.Vector(repeating: -2))
        let outer = I.multiplyAdd(d4, d2, I.Vector(repeating: -0.5))
        let innerOdd = I.multiplyAdd(near * d3, d1, -far)
        let outerOdd = I.multiplyAdd(far * d3, d1, -near)
        if taps == 3 { store(0, I.multiplyAdd(d(0) + d4, d2, I.Vector(repeating: -2.5))) }
        store(1, inner + innerOdd)
        store(2, inner - innerOdd)
        store(3, outer + outerOdd)
        store(4, outer - outerOdd)
        if taps > 1 { store(5, I.multiplyAdd(d1 + d(5), d3, I.Vector(repeating: -2.5))) }
    }

    /// `Aᵀ m` of the vectors of `outputs` outputs' elements, `stride` floats from one element to the next, each handed to
    /// `store` with its index. Of two taps there is no element 0.
    @inlinable @inline(__always)
    static func output(
        _ source: UnsafePointer<Float>, stride: Int, outputs: Int, taps: Int,
        store: (_ index: Int, I.Vector) -> Void
    ) {
        @inline(__always) func m(_ index: Int) -> I.Vector { I.load(source + index &* stride) }
        @inline(__always) func sum(_ others: I.Vector) -> I.Vector { taps == 3 ? m(0) + others : others }
        let (inner, innerOdd) = (m(1) + m(2), m(1) - m(2))
        if outputs == 2 {
            store(0, sum(inner))
            store(1, I.multiplyAdd(m(5), innerOdd, near))
            return
        }
        let half = I.Vector(repeating: 0.5)
        if outputs == 3 {
            let outer = m(3)
            store(0, sum(inner) + outer)
            store(1, I.multiplyAdd(near * innerOdd, outer, far))
            store(2, I.multiplyAdd(I.multiplyAdd(m(5), inner, half), outer, I.Vector(repeating: 2)))
            return
        }
        let (outer, outerOdd) = (m(3) + m(4), m(3) - m(4))
        store(0, sum(inner) + outer)
        store(1, I.multiplyAdd(near * innerOdd, outerOdd, far))
        store(2, I.multiplyAdd(half * inner, outer, I.Vector(repeating: 2)))
        store(3, I.multiplyAdd(I.multiplyAdd(m(5), innerOdd, half * near), outerOdd, far + far))
    }

    /// The points nearer to 0 than 1, and those farther.
    @inlinable @inline(__always)
    static var near: I.Vector { I.Vector(repeating: Float(0.5.squareRoot())) }
    @inlinable @inline(__always)
    static var far: I.Vector { I.Vector(repeating: Float(2.0.squareRoot())) }
}
