import Diagnostics
import SystemPackage
import Tensors

/// A regular file, opened for reading at any offset. Pipes and devices are refused: their size is unknown.
///
/// Reads carry their own offset, so that threads may share one file.
package final class InputFile: Sendable {
    let path: String
    /// The size when the file was opened.
    package let byteCount: Int
    private let descriptor: FileDescriptor

    /// - Throws: `missingInput` when the file does not exist, cannot be opened or is not a regular file.
    package init(_ path: String) throws(EngineError) {
        do {
            // Without `nonBlocking` the open itself would wait for the writer of a pipe.
            descriptor = try FileDescriptor.open(
                FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
        } catch {
            throw EngineError(.missingInput, path, "cannot be opened: \(error)", expected: "a readable file")
        }
        self.path = path
        // The descriptor is asked, not the path, which may name another file by now.
        guard let status = try? descriptor.stat(), status.type == .regular,
            let byteCount = Int(exactly: status.size)
        else {
            try? descriptor.close()
            throw EngineError(.missingInput, path, "not a regular file", expected: "a regular file")
        }
        self.byteCount = byteCount
    }

    deinit { try? descriptor.close() }

    /// Fills the buffer with the bytes from `offset` on.
    /// - Throws: `inputOutput` when the system fails to read or the file has become shorter.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EngineError) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let position = offset + (buffer.count - rest.count)
            let count: Int
            do {
                count = try descriptor.read(
                    fromAbsoluteOffset: Int64(position), into: UnsafeMutableRawBufferPointer(rebasing: rest))
            } catch {
                throw EngineError(.inputOutput, path, "reading at byte \(position) failed: \(error)")
            }
            guard count > 0 else {
                throw EngineError(
                    .inputOutput, path, "ended at byte \(position) while it was read",
                    expected: "\(byteCount) bytes, as when it was opened")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// The file's bytes as floats, where they lie: whole ones from its start.
    /// - Throws: `inputOutput` when the file has become shorter; `resource` when the system refuses to map it.
    func mapped() throws(EngineError) -> AlignedBuffer<Float> {
        guard let status = try? descriptor.stat(), status.size >= byteCount else {
            throw EngineError(
                .inputOutput, path, "shorter than when it was opened", expected: "\(byteCount) bytes")
        }
        return try AlignedBuffer(
            mapping: descriptor.rawValue, count: byteCount / MemoryLayout<Float>.stride, subject: path)
    }

    /// The `count` bytes from `offset` on. The caller has compared `count` with what the file holds.
    /// - Throws: as `read(at:into:)`.
    package func bytes(at offset: Int, count: Int) throws(EngineError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBufferPointer { (buffer) throws(EngineError) in
            try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return bytes
    }

    /// Fills `target` with the numbers stored from `offset` on, as float32 by value.
    /// - Throws: as `read(at:into:)`.
    func readFloats(
        at offset: Int, as encoding: FloatEncoding, into target: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) {
        // Every supported processor is little-endian, as the files are.
        if encoding == .float32 { return try read(at: offset, into: UnsafeMutableRawBufferPointer(target)) }
        try readChunks(at: offset, elementByteCount: encoding.byteCount, into: target, encoding.decode)
    }

    /// Fills `target` with the integers stored from `offset` on.
    /// - Throws: as `read(at:into:)`.
    func readIntegers(
        at offset: Int, as encoding: IntegerEncoding, into target: UnsafeMutableBufferPointer<Int64>
    ) throws(EngineError) {
        try readChunks(at: offset, elementByteCount: encoding.byteCount, into: target, encoding.decode)
    }

    private func readChunks<Target>(
        at offset: Int, elementByteCount: Int, into target: UnsafeMutableBufferPointer<Target>,
        _ decode: (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Target>) -> Void
    ) throws(EngineError) {
        let chunkCount = min(target.count, 1 << 15)
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: chunkCount * elementByteCount, alignment: 64)
        defer { scratch.deallocate() }
        var start = 0
        while start < target.count {
            let end = min(start + chunkCount, target.count)
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: scratch[..<((end - start) * elementByteCount)])
            try read(at: offset + start * elementByteCount, into: bytes)
            decode(UnsafeRawBufferPointer(bytes), UnsafeMutableBufferPointer(rebasing: target[start..<end]))
            start = end
        }
    }
}
