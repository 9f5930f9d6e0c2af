/// A weighted sum of rows of float64, for the composition of layers at prepare:
///
///     output[i] = Σ_t weights[t] · source[offsets[t] + i],  0 ≤ i < count
///
/// summed in order of `t`.
///
/// - `count`: any; up to `overhang` elements more are read and written.
/// - `output`: overlaps no other operand.
public struct RowSumCall {
    /// Elements of the longest strip but one.
    public static let overhang = 63

    public var source: UnsafePointer<Double>
    public var offsets: UnsafePointer<Int>
    public var weights: UnsafePointer<Double>
    public var terms: Int
    public var output: UnsafeMutablePointer<Double>
    public var count: Int

    public init(
        source: UnsafePointer<Double>, offsets: UnsafePointer<Int>, weights: UnsafePointer<Double>,
        terms: Int, output: UnsafeMutablePointer<Double>, count: Int
    ) {
        self.source = source
        self.offsets = offsets
        self.weights = weights
        self.terms = terms
        self.output = output
        self.count = count
    }
}

/// Rows of float64, a strip of eight vectors at a time in registers.
public enum RowSum<I: InstructionSet> {
    @inlinable @inline(__always)
    public static func run(_ call: UnsafePointer<RowSumCall>) {
        var start = 0
        while start < call.pointee.count {
            strip(call, start)
            start &+= 8 &* I.Doubles.scalarCount
        }
    }

    @inlinable @inline(never)
    static func strip(_ call: UnsafePointer<RowSumCall>, _ start: Int) {
        var sums = InlineArray<8, I.Doubles>(repeating: I.Doubles(repeating: 0))
        let source = call.pointee.source + start
        for t in 0..<call.pointee.terms {
            let row = UnsafeRawPointer(source + call.pointee.offsets[t])
            let weight = I.Doubles(repeating: call.pointee.weights[t])
            for v in 0..<8 {
                let value = row.loadUnaligned(
                    fromByteOffset: v &* MemoryLayout<I.Doubles>.size, as: I.Doubles.self)
                sums[v] = I.multiplyAdd(sums[v], weight, value)
            }
        }
        let output = UnsafeMutableRawPointer(call.pointee.output + start)
        for v in 0..<8 {
            output.storeBytes(
                of: sums[v], toByteOffset: v &* MemoryLayout<I.Doubles>.size, as: I.Doubles.self)
        }
    }
}
