import Diagnostics
import Tensors

extension Safetensors {
    /// Writes tensors as F32 and integers as I64, whatever the order of `state`: the bytes that the official library writes,
    /// where it leaves the alignment to that. The file appears under its name when it is whole.
    ///
    /// - Parameters:
    ///   - state: the tensors.
    ///   - path: the file's.
    ///   - alignment: bytes of which the data begin at a multiple, a power of two from 8 on. With 64, tensors of whole cache
    ///     lines can be used where they lie in the file: see ``SafetensorsFile/mapped()``.
    /// - Throws: `badData` when integers do not fill their shape; `usage` for another alignment; `cannotCreate` and
    ///   `inputOutput` as `AtomicOutputFile`.
    public static func write(
        _ state: StateDictionary, to path: String, alignment: Int = 8
    ) throws(EngineError) {
        guard alignment >= 8, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw EngineError(
                .usage, "alignment of \(path)", "\(alignment)",
                expected: "a power of two from 8 to \(1 << 20)")
        }
        let entries = state.names.compactMap { name in state[name].map { (name: name, entry: $0) } }
            .sorted { first, second in
                guard first.entry.isInteger == second.entry.isInteger else { return first.entry.isInteger }
                return first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
            }
        for case (let name, .integers(let shape, let values)) in entries
        where values.count != shape.elementCount {
            throw EngineError(
                .badData, "\(path): tensor \(shown(name.utf8))", "\(values.count) integers",
                expected: "\(shape.elementCount) for shape \(shape)")
        }

        let file = try AtomicOutputFile(path)
        let header = header(of: entries, alignment: alignment)
        let length = UInt64(header.count).littleEndian
        try withUnsafeBytes(of: length) { (bytes) throws(EngineError) in try file.write(bytes) }
        try file.write(header)
        for (_, entry) in entries {
            switch entry {
            case .tensor(let tensor):
                try tensor.withElements { (elements) throws(EngineError) in
                    try file.write(UnsafeRawBufferPointer(elements))
                }
            case .integers(_, let values):
                try values.withUnsafeBufferPointer { (elements) throws(EngineError) in
                    try file.write(UnsafeRawBufferPointer(elements))
                }
            }
        }
        try file.commit()
    }

    /// Compact JSON, padded with spaces so that the data, after it and its length of 8 bytes, are aligned.
    private static func header(
        of entries: [(name: String, entry: StateDictionary.Entry)], alignment: Int
    ) -> [UInt8] {
        var offset = 0
        let members = entries.map { name, entry in
            let begin = offset
            offset += entry.shape.elementCount * (entry.isInteger ? 8 : 4)
            let dimensions = entry.shape.dimensions.map(String.init).joined(separator: ",")
            return """
                \(jsonString(name)):{"dtype":"\(entry.isInteger ? "I64" : "F32")","shape":[\(dimensions)],\
                "data_offsets":[\(begin),\(offset)]}
                """
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        while !(8 + header.count).isMultiple(of: alignment) { header.append(UInt8(ascii: " ")) }
        return header
    }
}

extension StateDictionary.Entry {
    fileprivate var isInteger: Bool {
        if case .integers = self { true } else { false }
    }
}
