/// A loop of multiply-adds on registers alone: what the arithmetic units can do at best.
public enum MultiplyAddProbe<I: InstructionSet, let chains: Int> {
    /// Runs `iterations` rounds of one multiply-add in each of `chains` independent chains.
    ///
    /// - Returns: a sum of all chains, so that no round can be left out.
    @inlinable @inline(__always)
    public static func run(_ iterations: Int) -> Float {
        var sums = InlineArray<chains, I.Vector>(repeating: I.Vector(repeating: 0))
        for c in 0..<chains { sums[c] = I.Vector(repeating: Float(c)) }
        let scale = I.Vector(repeating: 0.999)
        let shift = I.Vector(repeating: 0.001)
        for _ in 0..<iterations {
            for c in 0..<chains { sums[c] = I.multiplyAdd(shift, sums[c], scale) }
        }
        var total = sums[0]
        for c in 1..<chains { total += sums[c] }
        return total[0]
    }
}

/// The probe of one instruction set.
public struct PeakProbe: Sendable {
    /// Floating-point operations of one iteration, two a multiply-add.
    public let flopsPerIteration: Int
    public let run: @Sendable (_ iterations: Int) -> Float

    public init(flopsPerIteration: Int, run: @escaping @Sendable (_ iterations: Int) -> Float) {
        self.flopsPerIteration = flopsPerIteration
        self.run = run
    }
}
