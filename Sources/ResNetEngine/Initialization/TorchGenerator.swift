#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The random numbers of PyTorch's CPU generator after `torch.manual_seed(seed)`.
///
/// A Mersenne Twister (MT19937), and PyTorch's ways to turn its 32-bit draws into numbers. Uniform values are
/// PyTorch's bit for bit. Normal values are within 1e-6 of them: PyTorch's vectorised logarithm and sine
/// differ in the last bits, and from one instruction set to another; here they are computed in double and
/// rounded once.
public struct TorchGenerator: Sendable {
    private static let stateCount = 624
    private static let middle = 397

    private var state: [UInt32]
    private var next = stateCount
    /// The second value of a pair that the last short `normal` drew and did not use.
    private var spareNormal: Double?

    /// The generator after `torch.manual_seed(seed)`, which heeds the low 32 bits of the seed.
    public init(seed: UInt64) {
        var word = UInt32(truncatingIfNeeded: seed)
        state = [word]
        state.reserveCapacity(Self.stateCount)
        for i in 1..<UInt32(Self.stateCount) {
            word = 1_812_433_253 &* (word ^ (word >> 30)) &+ i
            state.append(word)
        }
    }

    /// Fills the buffer as `tensor.uniform_(from, to)` does: values of [from, to), one draw each.
    public mutating func uniform(_ buffer: UnsafeMutableBufferPointer<Float>, from: Float, to: Float) {
        let width = to - from
        // One rounding, as PyTorch's fused multiply-add; without that instruction the C library's `fmaf`.
        for i in buffer.indices { buffer[i] = from.addingProduct(unitFloat(), width) }
    }

    /// Fills the buffer as `torch.randn` of that many elements does: mean 0, standard deviation 1.
    ///
    /// To draw one `randn` in pieces, make every piece but the last a multiple of 16 and the last one at least
    /// 16: the values are those of a single call.
    public mutating func normal(_ buffer: UnsafeMutableBufferPointer<Float>) {
        guard buffer.count >= 16 else {
            for i in buffer.indices { buffer[i] = Float(scalarNormal()) }
            return
        }
        for i in buffer.indices { buffer[i] = unitFloat() }
        for start in stride(from: 0, through: buffer.count - 16, by: 16) {
            Self.transform(buffer, from: start)
        }
        // What is left of a count that is no multiple of 16: the last 16 are drawn anew.
        if buffer.count % 16 != 0 {
            let start = buffer.count - 16
            for i in start..<buffer.count { buffer[i] = unitFloat() }
            Self.transform(buffer, from: start)
        }
    }

    /// The bounds b of the uniform distributions over [-b, b) with which PyTorch initialises a convolution or
    /// a linear layer: `kaiming_uniform_` with a = √5 for its weight, 1 / √fanIn for its bias.
    /// - Parameter fanIn: inputs of one output: channels of a group × kernel height × kernel width, or
    ///   `in_features`. Bounds are 0 when it is not positive.
    public static func convolutionBounds(fanIn: Int) -> (weight: Float, bias: Float) {
        guard fanIn > 0 else { return (0, 0) }
        let root = Double(fanIn).squareRoot()
        let slope = 5.0.squareRoot()
        let gain = (2 / (1 + slope * slope)).squareRoot()
        return (Float(3.0.squareRoot() * (gain / root)), Float(1 / root))
    }

    /// Box–Muller on 16 uniform values: eight radii, then eight angles.
    private static func transform(_ buffer: UnsafeMutableBufferPointer<Float>, from start: Int) {
        for i in start..<start + 8 {
            let radius = (-2 * log(Double(1 - buffer[i]))).squareRoot()
            // PyTorch rounds the angle to float before it takes sine and cosine. (`Float.pi` is rounded down.)
            let angle = Double(Float(2 * Double.pi) * buffer[i + 8])
            buffer[i] = Float(radius * cos(angle))
            buffer[i + 8] = Float(radius * sin(angle))
        }
    }

    /// PyTorch's path for fewer than 16 elements: Box–Muller in double, two values from four draws.
    private mutating func scalarNormal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let angle = 2 * Double.pi * unitDouble()
        let radius = (-2 * log1p(-unitDouble())).squareRoot()
        spareNormal = radius * sin(angle)
        return radius * cos(angle)
    }

    /// A multiple of 2⁻²⁴ in [0, 1).
    private mutating func unitFloat() -> Float {
        Float(draw() & 0xff_ffff) * 0x1p-24
    }

    /// A multiple of 2⁻⁵³ in [0, 1).
    private mutating func unitDouble() -> Double {
        let high = UInt64(draw())
        let low = UInt64(draw())
        return Double((high << 32 | low) & 0x1f_ffff_ffff_ffff) * 0x1p-53
    }

    private mutating func draw() -> UInt32 {
        if next == Self.stateCount { twist() }
        var word = state[next]
        next += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9d2c_5680
        word ^= (word << 15) & 0xefc6_0000
        return word ^ (word >> 18)
    }

    private mutating func twist() {
        for i in 0..<Self.stateCount {
            let mixed = state[i] & 0x8000_0000 | state[(i + 1) % Self.stateCount] & 0x7fff_ffff
            let twisted = (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
            state[i] = state[(i + Self.middle) % Self.stateCount] ^ twisted
        }
        next = 0
    }
}
