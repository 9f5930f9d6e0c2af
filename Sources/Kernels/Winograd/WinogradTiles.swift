/// How one side of a map is cut: into tiles of four outputs and, where these leave some, a last one of three or two; or into
/// tiles of two, of which the last may reach beyond the map.
public struct WinogradSide: Sendable, Hashable {
    /// Tiles of four outputs, or of two.
    public let whole: Int
    /// Outputs of the last tile, 3 or 2; 0 where there is none. A single output left is one of two.
    public let edge: Int
    /// Outputs of any other tile, 4 or 2.
    @usableFromInline let wholeOutputs: Int

    public init(_ size: Int, _ form: WinogradForm = .four) {
        wholeOutputs = form.tile
        switch form {
        case .four: (whole, edge) = (size / form.tile, size % form.tile == 1 ? 2 : size % form.tile)
        case .pairsOfTwo: (whole, edge) = ((size + 1) / form.tile, 0)
        }
    }

    public var tiles: Int { whole + (edge > 0 ? 1 : 0) }
    /// Elements of all tiles, of a filter of some taps.
    public func elements(taps: Int = 3) -> Int {
        (wholeOutputs - 1 + taps) * whole + (edge > 0 ? edge + taps - 1 : 0)
    }

    /// Whether the last tile has an element of 0 … 5.
    @inlinable @inline(__always)
    public func edgeHas(_ element: Int) -> Bool { edge > 0 && (element < edge &+ 1 || element == 5) }

    /// Outputs of a tile.
    @inlinable @inline(__always)
    public func outputs(_ tile: Int) -> Int { tile < whole ? wholeOutputs : edge }
}

/// Places of the tiles of each kind among those of one element. In memory come first the tiles of the last row, without
/// its last one; then those of whole rows and columns, those of the last column, and the one of both: for every element
/// the tiles that have it lie side by side.
public struct WinogradPlaces: Sendable {
    /// The next tile of whole rows and columns, of the last column, of the last row, and of both.
    public var inner: Int
    public var right: Int
    public var bottom: Int
    public var corner: Int

    public init(inner: Int, right: Int, bottom: Int, corner: Int) {
        self.inner = inner
        self.right = right
        self.bottom = bottom
        self.corner = corner
    }

    /// The place of the next tile of a kind.
    @inlinable @inline(__always)
    mutating func next(isLastRow: Bool, isLastColumn: Bool) -> Int {
        switch (isLastRow, isLastColumn) {
        case (false, false):
            inner &+= 1
            return inner &- 1
        case (false, true):
            right &+= 1
            return right &- 1
        case (true, false):
            bottom &+= 1
            return bottom &- 1
        case (true, true):
            corner &+= 1
            return corner &- 1
        }
    }
}
