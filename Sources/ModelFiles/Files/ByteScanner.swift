import Diagnostics

/// Reads a text header from front to back; every failure is `badData` and names the byte.
struct ByteScanner {
    /// The most extents that a shape may have: the limit of numpy.
    static let maximumRank = 64

    private let bytes: [UInt8]
    private var position = 0
    private let subject: String

    /// - Parameter subject: the file and part of it that errors name.
    init(_ bytes: [UInt8], subject: String) {
        self.bytes = bytes
        self.subject = subject
    }

    /// The next byte, or `nil` at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The next byte, which is then passed.
    mutating func take(expected: String) throws(EngineError) -> UInt8 {
        guard let byte = next else { throw failure(expected: expected) }
        position += 1
        return byte
    }

    /// The bytes from here up to a quote, an escape or a control character, which are passed.
    mutating func takePlainText() -> ArraySlice<UInt8> {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            position += 1
        }
        return bytes[start..<position]
    }

    /// Passes white space and then `character` if it stands there, and says whether it did.
    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard let byte = next, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(EngineError) {
        guard accept(character) else { throw failure(expected: "'\(character)'") }
    }

    /// Passes white space and then `word` if it stands there, and says whether it did.
    mutating func accept(word: StaticString) -> Bool {
        skipSpace()
        let isThere = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if isThere { position += word.utf8CodeUnitCount }
        return isThere
    }

    /// A decimal integer without sign, leading zeros, fraction or exponent.
    mutating func unsigned() throws(EngineError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while let byte = next, (0x30...0x39).contains(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { throw failure(at: start, expected: "an integer below 2^63") }
            value = sum
            position += 1
        }
        guard position > start, position == start + 1 || bytes[start] != 0x30 else {
            throw failure(at: start, expected: "an integer of 0 or more")
        }
        return value
    }

    /// Nothing but white space may be left.
    mutating func expectEnd() throws(EngineError) {
        skipSpace()
        if next != nil { throw failure(expected: "the end") }
    }

    /// An error about the byte at `position`, or the next one.
    func failure(at position: Int? = nil, expected: String) -> EngineError {
        let position = position ?? self.position
        let found = position < bytes.count ? shown(bytes[position...].prefix(12)) : "its end"
        return failure("\(found) at byte \(position)", expected: expected)
    }

    func failure(_ found: String, expected: String) -> EngineError {
        EngineError(.badData, subject, found, expected: expected)
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }
}

/// Text from a file as an error may print it: in quotes, shortened, without control characters.
func shown(_ text: some Collection<UInt8>) -> String {
    let limit = 80
    let scalars = String(decoding: text.prefix(limit), as: UTF8.self).unicodeScalars.map {
        $0.properties.generalCategory == .control ? "\u{fffd}" : String($0)
    }
    return "'\(scalars.joined())\(text.count > limit ? "…" : "")'"
}
