import Diagnostics
import Tensors

/// The header of a `.npy` file: six bytes of magic, a version, a length, and a Python dictionary literal.
struct NPYHeader {
    static let magic: [UInt8] = [0x93] + "NUMPY".utf8
    /// Longer headers describe records or are no headers; numpy itself stops at 10,000.
    private static let maximumByteCount = 1 << 16

    let shape: Shape
    let encoding: FloatEncoding
    /// Where the elements begin in the file, in bytes.
    let dataOffset: Int

    /// - Throws: `badData` for anything but float32, float64 or uint8 in C order, and unless the file holds
    ///   exactly the elements of the shape; `inputOutput` when reading fails.
    init(_ file: InputFile) throws(EngineError) {
        let path = file.path
        guard file.byteCount >= 10 else {
            throw EngineError(.badData, path, "\(file.byteCount) bytes", expected: "a .npy file")
        }
        let start = try file.bytes(at: 0, count: 10)
        guard start.starts(with: Self.magic) else {
            throw EngineError(.badData, path, "\(shown(start.prefix(6)))", expected: "a .npy file")
        }
        guard (1...3).contains(start[6]), start[7] == 0 else {
            throw EngineError(
                .badData, path, "version \(start[6]).\(start[7])", expected: "version 1.0, 2.0 or 3.0")
        }
        let lengthByteCount = start[6] == 1 ? 2 : 4
        let headerOffset = 8 + lengthByteCount
        guard file.byteCount >= headerOffset else {
            throw EngineError(.badData, path, "\(file.byteCount) bytes", expected: "a .npy file")
        }
        let length = try file.bytes(at: 8, count: lengthByteCount).reversed().reduce(0) { $0 << 8 | Int($1) }
        let limit = min(file.byteCount - headerOffset, Self.maximumByteCount)
        guard length <= limit else {
            throw EngineError(
                .badData, "\(path): header", "a length of \(length) bytes", expected: "at most \(limit)")
        }
        dataOffset = headerOffset + length
        let bytes = try file.bytes(at: headerOffset, count: length)
        (encoding, shape) = try Self.parse(ByteScanner(bytes, subject: "\(path): header"), path: path)

        // `Shape` has made sure that the bytes of any element type can be counted.
        let byteCount = shape.elementCount * encoding.byteCount
        guard file.byteCount - dataOffset == byteCount else {
            throw EngineError(
                .badData, path, "\(file.byteCount - dataOffset) bytes of elements",
                expected: "\(byteCount) for shape \(shape)")
        }
    }

    private static func parse(
        _ header: ByteScanner, path: String
    ) throws(EngineError) -> (FloatEncoding, Shape) {
        var scanner = header
        var encoding: FloatEncoding?
        var isFortranOrder: Bool?
        var dimensions: [Int]?
        try scanner.expect("{")
        while !scanner.accept("}") {
            let key = try scanner.pythonString()
            try scanner.expect(":")
            switch key {
            case "descr" where encoding == nil: encoding = try Self.encoding(&scanner, path: path)
            case "fortran_order" where isFortranOrder == nil:
                isFortranOrder = scanner.accept(word: "True")
                if isFortranOrder == false, !scanner.accept(word: "False") {
                    throw scanner.failure(expected: "True or False")
                }
            case "shape" where dimensions == nil: dimensions = try scanner.pythonTuple()
            default:
                throw scanner.failure(
                    "the key \(shown(key.utf8))", expected: "'descr', 'fortran_order' and 'shape', once each")
            }
            if !scanner.accept(",") {
                try scanner.expect("}")
                break
            }
        }
        try scanner.expectEnd()
        guard let encoding, let isFortranOrder, let dimensions else {
            throw scanner.failure(
                "an incomplete description", expected: "'descr', 'fortran_order' and 'shape'")
        }
        guard !isFortranOrder else {
            throw EngineError(.badData, path, "elements in Fortran order", expected: "C order")
        }
        return (encoding, try Shape(dimensions, subject: path))
    }

    private static func encoding(
        _ scanner: inout ByteScanner, path: String
    ) throws(EngineError) -> FloatEncoding {
        let expected = "'<f4', '<f8' or '|u1'"
        if scanner.accept("[") {
            throw EngineError(.badData, path, "elements that are records", expected: expected)
        }
        let type = try scanner.pythonString()
        switch type {
        case "<f4": return .float32
        case "<f8": return .float64
        case "|u1": return .uint8
        default:
            let reason =
                switch type.utf8.first {
                case UInt8(ascii: ">"): "big-endian elements of type "
                case UInt8(ascii: "|") where type == "|O": "pickled Python objects of type "
                default: "elements of type "
                }
            throw EngineError(.badData, path, reason + shown(type.utf8), expected: expected)
        }
    }
}

extension ByteScanner {
    /// A string literal without escapes, in either kind of quotes.
    fileprivate mutating func pythonString() throws(EngineError) -> String {
        let quote: UInt8
        if accept("'") {
            quote = UInt8(ascii: "'")
        } else if accept("\"") {
            quote = UInt8(ascii: "\"")
        } else {
            throw failure(expected: "a string")
        }
        var text: [UInt8] = []
        while true {
            let byte = try take(expected: "the end of a string")
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            text.append(byte)
        }
    }

    /// A tuple of integers of 0 or more; that of one element has a comma.
    fileprivate mutating func pythonTuple() throws(EngineError) -> [Int] {
        try expect("(")
        var values: [Int] = []
        while !accept(")") {
            guard values.count < Self.maximumRank else {
                throw failure(expected: "at most \(Self.maximumRank) extents")
            }
            values.append(try unsigned())
            if accept(",") { continue }
            guard values.count > 1 else { throw failure(expected: "','") }
            try expect(")")
            break
        }
        return values
    }
}
