/// How numbers are stored between layers, and multiplied in them.
public enum Precision: String, Sendable, Hashable, CaseIterable {
    case float32
    /// bfloat16 (the upper half of a float32): feature maps between convolutions, poolings and linear layers are stored, and
    /// products made, of such numbers, sums in float32. Winograd's F(2×2, 3×3) rounds its products' factors alone, F(4×4, 3×3)
    /// computes in float32 throughout. What reads or makes other maps does so in float32.
    case bfloat16 = "bf16"
}
