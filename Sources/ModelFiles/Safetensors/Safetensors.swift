import Diagnostics
import ResNetEngine
import Synchronization
import Tensors

/// Reads and writes `.safetensors` files: named tensors, as `state_dict()` of a PyTorch module gives them.
public enum Safetensors {
    /// Integers that a file may hold. Networks keep counters as integers, and no more than one a layer.
    static let maximumIntegerCount = 1 << 20

    /// The tensors of the file, in the order of its header.
    ///
    /// F32, F64, F16 and BF16 become float32 by value (F64 is rounded to nearest), integers and booleans
    /// `Int64`, at most 2^20 in all. Metadata are checked and not kept. The path must name a regular file.
    /// - Throws: `missingInput` when the file cannot be opened; `badData` naming the file and, where there is
    ///   one, the tensor; `resource` when memory is refused; `inputOutput` when reading fails.
    public static func read(_ path: String) throws(EngineError) -> StateDictionary {
        let file = try InputFile(path)
        let header = try SafetensorsHeader(file)
        try checkIntegerCount(header.entries)
        // Reading is mostly copying, which threads share.
        let read = Mutex([StateDictionary.Entry?](repeating: nil, count: header.entries.count))
        try PreparationTeam.all.forEach(header.entries.count) { index throws(EngineError) in
            let value = try value(of: header.entries[index], in: file, dataOffset: header.dataOffset)
            read.withLock { $0[index] = value }
        }
        var state = StateDictionary()
        for (entry, value) in zip(header.entries, read.withLock { $0 }) { state[entry.name] = value }
        return state
    }

    private static func value(
        of entry: SafetensorsEntry, in file: InputFile, dataOffset: Int
    ) throws(EngineError) -> StateDictionary.Entry {
        let offset = dataOffset + entry.range.lowerBound
        switch entry.encoding {
        case .floats(let encoding):
            var tensor = try Tensor(shape: entry.shape.dimensions, subject: entry.subject)
            try tensor.withMutableElements { (elements) throws(EngineError) in
                try file.readFloats(at: offset, as: encoding, into: elements)
            }
            return .tensor(tensor)
        case .integers(let encoding):
            var values = [Int64](repeating: 0, count: entry.shape.elementCount)
            try values.withUnsafeMutableBufferPointer { (elements) throws(EngineError) in
                try file.readIntegers(at: offset, as: encoding, into: elements)
            }
            return .integers(shape: entry.shape, values: values)
        }
    }

    private static func checkIntegerCount(_ entries: [SafetensorsEntry]) throws(EngineError) {
        var count = 0
        for entry in entries {
            guard case .integers = entry.encoding else { continue }
            count += entry.shape.elementCount
            guard count <= maximumIntegerCount else {
                throw EngineError(
                    .badData, entry.subject, "\(count) integers in the file up to here",
                    expected: "at most \(maximumIntegerCount)")
            }
        }
    }
}
