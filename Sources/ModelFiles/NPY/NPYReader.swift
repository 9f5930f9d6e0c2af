import Diagnostics
import Tensors

/// An array of a `.npy` file, read as float32 by value: nothing is scaled, a float64 is rounded to nearest.
///
/// Versions 1 to 3 with little-endian float32, float64 or uint8 in C order. The file must be a regular one; it
/// stays open as long as the reader, which threads may share.
public struct NPYReader: Sendable {
    private let file: InputFile
    private let header: NPYHeader

    /// Opens the file and reads its header.
    /// - Throws: `missingInput` when the file cannot be opened; `badData` when it is malformed, of another
    ///   kind, or not exactly as long as its shape says; `inputOutput` when reading fails.
    public init(_ path: String) throws(EngineError) {
        file = try InputFile(path)
        header = try NPYHeader(file)
    }

    public var shape: Shape { header.shape }
    /// The extent of axis 0; 1 for a scalar.
    public var rowCount: Int { shape.dimensions.first ?? 1 }
    /// Elements of one row: the product of the other extents; 0 when there are no rows.
    public var rowElementCount: Int { rowCount == 0 ? 0 : shape.elementCount / rowCount }

    /// Reads rows `range` of axis 0, in C order, into a buffer of `range.count * rowElementCount` elements.
    /// - Throws: `usage` when there are no such rows or the buffer has another size, `inputOutput` when
    ///   reading fails.
    public func readRows(
        _ range: Range<Int>, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) {
        guard range.lowerBound >= 0, range.upperBound <= rowCount else {
            throw EngineError(.usage, file.path, "rows \(range)", expected: "rows within 0..<\(rowCount)")
        }
        guard buffer.count == range.count * rowElementCount else {
            throw EngineError(
                .usage, file.path, "a buffer of \(buffer.count) elements",
                expected: "\(range.count * rowElementCount) for rows \(range)")
        }
        let offset = header.dataOffset + range.lowerBound * rowElementCount * header.encoding.byteCount
        try file.readFloats(at: offset, as: header.encoding, into: buffer)
    }

    /// The whole array.
    /// - Throws: `resource` when memory is refused, `inputOutput` when reading fails.
    public func readAll() throws(EngineError) -> Tensor {
        var tensor = try Tensor(shape: shape.dimensions, subject: file.path)
        try tensor.withMutableElements { (elements) throws(EngineError) in
            try readRows(0..<rowCount, into: elements)
        }
        return tensor
    }
}
