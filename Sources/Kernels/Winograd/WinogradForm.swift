/// A minimal filtering algorithm for 3×3 convolutions.
public enum WinogradForm: Sendable, Hashable {
    /// F(4×4, 3×3) of float32 numbers; at a map's edges also with three or two outputs along a side. See
    /// `WinogradTransform`.
    case four
    /// F(2×2, 3×3) whose products are of pairs of bfloat16 numbers. See `PairWinogradInput`.
    case pairsOfTwo

    /// Outputs of a tile along one side.
    public var tile: Int { self == .four ? 4 : 2 }
    /// Products of a tile.
    public var elements: Int { (tile + 2) * (tile + 2) }
    /// Whether what is multiplied is pairs of bfloat16 numbers.
    public var takesPairs: Bool { self == .pairsOfTwo }
    /// The floats, or pairs, of one pixel of a channel block before the multiplication.
    var words: Int { blockWords(isNarrow: takesPairs) }
}
