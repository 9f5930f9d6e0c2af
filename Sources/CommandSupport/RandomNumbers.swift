import ResNetEngine

/// One `torch.randn` of a known count, drawn piece by piece with the memory of a piece.
public struct RandomNumbers {
    private static let pieceCount = 4096

    private var generator: TorchGenerator
    private var remaining: Int
    private var piece: [Float] = []
    private var used = 0

    /// - Parameters:
    ///   - generator: as it stands before the draw.
    ///   - count: elements of the whole draw.
    public init(_ generator: TorchGenerator, count: Int) {
        self.generator = generator
        remaining = count
    }

    /// Fills the buffer with the next elements of the draw; zeros follow its end.
    public mutating func fill(_ buffer: UnsafeMutableBufferPointer<Float>) {
        var start = 0
        while start < buffer.count {
            if used == piece.count { drawPiece() }
            guard used < piece.count else {
                buffer[start...].update(repeating: 0)
                return
            }
            let count = min(buffer.count - start, piece.count - used)
            for index in 0..<count { buffer[start + index] = piece[used + index] }
            start += count
            used += count
        }
    }

    /// All pieces but the last are a multiple of 16, and the last has at least 16 elements: then they are the
    /// numbers of a single draw.
    private mutating func drawPiece() {
        let count = remaining >= Self.pieceCount + 16 ? Self.pieceCount : remaining
        piece = [Float](repeating: 0, count: count)
        piece.withUnsafeMutableBufferPointer { generator.normal($0) }
        remaining -= count
        used = 0
    }
}
