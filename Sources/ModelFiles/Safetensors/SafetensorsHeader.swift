import Diagnostics

/// The header of a safetensors file, checked against itself and the size of the file.
///
/// The file is a little-endian 64-bit length, that many bytes of JSON, then the data of all tensors. The rules
/// are those of the official library: data without overlaps, gaps or a rest, so that a file has one meaning.
struct SafetensorsHeader {
    /// Header bytes above which the official library refuses a file too.
    static let maximumByteCount = 100_000_000

    /// The tensors, in the order in which the header names them.
    let entries: [SafetensorsEntry]
    /// Where the data begin in the file, in bytes.
    let dataOffset: Int

    /// - Throws: `badData` naming the tensor or the byte of the header, `inputOutput` when reading fails.
    init(_ file: InputFile) throws(EngineError) {
        let subject = "\(file.path): header"
        guard file.byteCount >= 8 else {
            throw EngineError(.badData, file.path, "\(file.byteCount) bytes", expected: "a safetensors file")
        }
        let length = try file.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let limit = min(file.byteCount - 8, Self.maximumByteCount)
        guard let byteCount = Int(exactly: length), byteCount <= limit else {
            throw EngineError(.badData, subject, "a length of \(length) bytes", expected: "at most \(limit)")
        }
        dataOffset = 8 + byteCount
        entries = try Self.entries(
            ByteScanner(try file.bytes(at: 8, count: byteCount), subject: subject),
            path: file.path, dataByteCount: file.byteCount - dataOffset)
    }

    private static func entries(
        _ header: ByteScanner, path: String, dataByteCount: Int
    ) throws(EngineError) -> [SafetensorsEntry] {
        var scanner = header
        guard scanner.next == UInt8(ascii: "{") else { throw scanner.failure(expected: "'{'") }
        var entries: [SafetensorsEntry] = []
        try scanner.object { (scanner, name) throws(EngineError) in
            if name == "__metadata__" {
                try scanner.object { (scanner, _) throws(EngineError) in _ = try scanner.string() }
            } else {
                entries.append(
                    try SafetensorsEntry(&scanner, name: name, path: path, dataByteCount: dataByteCount))
            }
        }
        try scanner.expectEnd()

        var end = 0
        for entry in entries.sorted(by: { Self.bounds($0) < Self.bounds($1) }) {
            guard entry.range.lowerBound == end else {
                throw EngineError(
                    .badData, entry.subject, "data from byte \(entry.range.lowerBound)",
                    expected: "data from byte \(end), without overlap or gap")
            }
            end = entry.range.upperBound
        }
        guard end == dataByteCount else {
            throw EngineError(.badData, path, "\(dataByteCount) bytes of data", expected: "\(end)")
        }
        return entries
    }

    private static func bounds(_ entry: SafetensorsEntry) -> (Int, Int) {
        (entry.range.lowerBound, entry.range.upperBound)
    }
}
