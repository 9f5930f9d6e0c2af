import Diagnostics
import ResNetEngine
import Synchronization
import Tensors

/// A `.safetensors` file of which the header is read, and checked.
public final class SafetensorsFile: Sendable {
    private let file: InputFile
    private let dataOffset: Int
    /// In the order of the header.
    private let entries: [SafetensorsEntry]

    /// - Throws: `missingInput` when the file cannot be opened; `badData` naming the file and, where there is one, the tensor;
    ///   `resource` for a file of too many integers; `inputOutput` when reading fails.
    public init(_ path: String) throws(EngineError) {
        file = try InputFile(path)
        let header = try SafetensorsHeader(file)
        dataOffset = header.dataOffset
        entries = header.entries
        try checkIntegerCount()
    }

    /// The names of all tensors, in the order of the header.
    public var names: [String] { entries.map(\.name) }

    /// All tensors, each in memory of its own.
    /// - Throws: as ``Safetensors/read(_:)``.
    public func read() throws(EngineError) -> StateDictionary {
        // Reading is mostly copying, which threads share.
        let read = Mutex([StateDictionary.Entry?](repeating: nil, count: entries.count))
        try PreparationTeam.all.forEach(entries.count) { index throws(EngineError) in
            let value = try value(of: entries[index])
            read.withLock { $0[index] = value }
        }
        var state = StateDictionary()
        for (entry, value) in zip(entries, read.withLock { $0 }) { state[entry.name] = value }
        return state
    }

    /// All tensors, as parts of one piece of memory: read faster, and freed together. Where the file's data are not float32,
    /// or not aligned to it, each has memory of its own.
    /// - Throws: as ``Safetensors/read(_:)``.
    public func readTogether() throws(EngineError) -> StateDictionary {
        let count = (file.byteCount - dataOffset) / MemoryLayout<Float>.stride
        let memory = try AlignedBuffer<Float>(count: count, subject: file.path)
        let pieces = (count + Self.piece - 1) / Self.piece
        try PreparationTeam.all.forEach(pieces) { piece throws(EngineError) in
            let range = piece * Self.piece..<min((piece + 1) * Self.piece, count)
            try file.readFloats(
                at: dataOffset + range.lowerBound * MemoryLayout<Float>.stride, as: .float32,
                into: UnsafeMutableBufferPointer(rebasing: memory.elements[range]))
        }
        return try parts(of: memory, startingAt: dataOffset)
    }

    /// All tensors, where they lie in the file: nothing is read before it is used, and processes share it. Of a file whose float32
    /// data do not all begin at cache lines, as those of ``Safetensors/write(_:to:alignment:)`` with an alignment of 64 may, as
    /// ``readTogether()``.
    ///
    /// Nobody may change the file as long as a tensor is used, which would change with it; the system ends a process that uses
    /// what a file that was cut has lost. To put another file in its place is safe, as all that this package writes does.
    /// - Throws: as ``Safetensors/read(_:)``, and `resource` when the system refuses to map the file.
    public func mapped() throws(EngineError) -> StateDictionary {
        let isAligned = entries.allSatisfy { entry in
            guard case .floats(.float32) = entry.encoding else { return true }
            return (dataOffset + entry.range.lowerBound) % Self.cacheLine == 0
        }
        return isAligned ? try parts(of: file.mapped(), startingAt: 0) : try readTogether()
    }

    /// Bytes.
    private static let cacheLine = 64

    /// - Parameter memory: the file from byte `start` on.
    private func parts(
        of memory: AlignedBuffer<Float>, startingAt start: Int
    ) throws(EngineError) -> StateDictionary {
        var state = StateDictionary()
        for entry in entries {
            let (first, rest) = (dataOffset + entry.range.lowerBound - start).quotientAndRemainder(
                dividingBy: MemoryLayout<Float>.stride)
            if case .floats(.float32) = entry.encoding, rest == 0 {
                let part = memory.part(first..<first + entry.shape.elementCount)
                state[entry.name] = .tensor(Tensor(shape: entry.shape, part))
            } else {
                state[entry.name] = try value(of: entry)
            }
        }
        return state
    }

    /// Floats that a thread reads at a time.
    private static let piece = 1 << 18

    private func value(of entry: SafetensorsEntry) throws(EngineError) -> StateDictionary.Entry {
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

    private func checkIntegerCount() throws(EngineError) {
        var count = 0
        for entry in entries {
            guard case .integers = entry.encoding else { continue }
            count += entry.shape.elementCount
            guard count <= Safetensors.maximumIntegerCount else {
                throw EngineError(
                    .badData, entry.subject, "\(count) integers in the file up to here",
                    expected: "at most \(Safetensors.maximumIntegerCount)")
            }
        }
    }
}
