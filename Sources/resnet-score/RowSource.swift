import CommandSupport
import ModelFiles
import ResNetEngine

/// Images in order: of a file, or drawn.
struct RowSource {
    /// How many rows may be drawn: more would be a slip of the keyboard that fills a disk.
    static let drawnRows = 0...10_000_000

    /// The shape of all rows together.
    let shape: [Int]
    private let file: NPYReader?
    private var numbers: RandomNumbers
    private var next = 0

    var rowCount: Int { shape[0] }

    /// - Parameter text: a path, or `randn:N`.
    /// - Throws: `usage` for a count that is none, `missingInput` and `badData` for the file.
    init(_ text: String, _ image: FeatureShape, _ generator: TorchGenerator) throws(EngineError) {
        let dimensions = [image.channels, image.height, image.width]
        guard text.hasPrefix("randn:") else {
            let reader = try NPYReader(text)
            try reader.checkImages(text, image)
            file = reader
            shape = reader.shape.dimensions
            numbers = RandomNumbers(generator, count: 0)
            return
        }
        let count = try OptionValue.integer(text.dropFirst(6), "--input randn", in: Self.drawnRows)
        file = nil
        shape = [count] + dimensions
        numbers = RandomNumbers(generator, count: try Shape(shape, subject: "--input").elementCount)
    }

    /// Fills the buffer with the next `rows` rows.
    mutating func read(
        rows: Int, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) {
        if let file {
            try file.readRows(next..<next + rows, into: buffer)
        } else {
            numbers.fill(buffer)
        }
        next += rows
    }
}
