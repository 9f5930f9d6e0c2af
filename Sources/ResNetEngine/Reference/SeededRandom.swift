import Diagnostics
import Tensors

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast and the same everywhere. For trial data, never for
/// weights.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A tensor of numbers from `range`.
    mutating func tensor(
        _ shape: [Int], in range: ClosedRange<Float> = -1...1
    ) throws(EngineError) -> Tensor {
        var tensor = try Tensor(shape: shape)
        try tensor.withMutableElements { elements in
            for index in elements.indices { elements[index] = Float.random(in: range, using: &self) }
        }
        return tensor
    }
}
