import Diagnostics
import Tensors

/// What the header of a safetensors file says of one tensor.
struct SafetensorsEntry {
    enum Encoding {
        case floats(FloatEncoding)
        case integers(IntegerEncoding)

        var byteCount: Int {
            switch self {
            case .floats(let encoding): encoding.byteCount
            case .integers(let encoding): encoding.byteCount
            }
        }
    }

    private static let encodings: [(type: String, encoding: Encoding)] = [
        ("F32", .floats(.float32)), ("F64", .floats(.float64)), ("F16", .floats(.float16)),
        ("BF16", .floats(.bfloat16)), ("I64", .integers(.int64)), ("I32", .integers(.int32)),
        ("U32", .integers(.uint32)), ("I16", .integers(.int16)), ("U16", .integers(.uint16)),
        ("I8", .integers(.int8)), ("U8", .integers(.uint8)), ("BOOL", .integers(.bool)),
    ]

    let name: String
    private let path: String
    let encoding: Encoding
    let shape: Shape
    /// Its bytes, counted from where the data of the file begin.
    let range: Range<Int>

    /// The file and tensor, for errors.
    var subject: String { Self.subject(path, name) }

    private static func subject(_ path: String, _ name: String) -> String {
        "\(path): tensor \(shown(name.utf8))"
    }

    /// Reads the object after the tensor's name.
    /// - Throws: `badData` unless it has one type that is known, one shape, and offsets within the data of the
    ///   file that hold exactly that many elements.
    init(_ scanner: inout ByteScanner, name: String, path: String, dataByteCount: Int) throws(EngineError) {
        var type: String?
        var dimensions: [Int]?
        var offsets: [Int]?
        var subject: String { Self.subject(path, name) }
        try scanner.object { (scanner, key) throws(EngineError) in
            switch key {
            case "dtype": type = try scanner.string()
            case "shape": dimensions = try scanner.integers(limit: ByteScanner.maximumRank)
            case "data_offsets": offsets = try scanner.integers(limit: 2)
            default:
                throw EngineError(
                    .badData, subject, "the key \(shown(key.utf8))",
                    expected: "dtype, shape and data_offsets only")
            }
        }
        guard let type, let dimensions, let offsets else {
            throw EngineError(
                .badData, subject, "an incomplete description", expected: "dtype, shape and data_offsets")
        }
        guard let encoding = Self.encodings.first(where: { $0.type == type })?.encoding else {
            throw EngineError(
                .badData, subject, "the type \(shown(type.utf8))",
                expected: "one of \(Self.encodings.map(\.type).sorted().joined(separator: ", "))")
        }
        let shape = try Shape(dimensions, subject: subject)
        guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= dataByteCount else {
            throw EngineError(
                .badData, subject, "data_offsets \(offsets)",
                expected: "a begin and an end within \(dataByteCount) bytes of data")
        }
        // `Shape` has made sure that the bytes of any element type can be counted.
        let byteCount = shape.elementCount * encoding.byteCount
        guard offsets[1] - offsets[0] == byteCount else {
            throw EngineError(
                .badData, subject, "\(offsets[1] - offsets[0]) bytes",
                expected: "\(byteCount) for \(type) of shape \(shape)")
        }
        self.name = name
        self.path = path
        self.encoding = encoding
        self.shape = shape
        self.range = offsets[0]..<offsets[1]
    }
}
