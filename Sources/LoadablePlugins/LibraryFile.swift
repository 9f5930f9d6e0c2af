import Diagnostics
import SystemPackage

/// What the headers of a shared library say (System V ABI, chapters 4 and 5). The system's loader does not look: it says of
/// another processor's library that it does not exist, and a file that was cut short ends the process.
struct LibraryFile {
    #if arch(x86_64)
        private static let machine = (number: 62, name: "x86-64")
    #elseif arch(arm64)
        private static let machine = (number: 183, name: "arm64")
    #else
        private static let machine = (number: 0, name: "this machine")
    #endif

    /// - Throws: `missingInput` for a file that cannot be read; `unavailable` for one that is no library of this machine's
    ///   architecture, or not whole.
    static func check(_ path: String) throws(EngineError) {
        do {
            let file = try FileDescriptor.open(
                FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
            defer { try? file.close() }
            #if os(Linux)
                try check(file, path)
            #endif
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.missingInput, "plugin \(path)", "cannot be read: \(error)", expected: "a file")
        }
    }

    private static func check(_ file: FileDescriptor, _ path: String) throws {
        let byteCount = try Int(file.seek(offset: 0, from: .end))
        let header = try bytes(of: file, at: 0, count: 64)
        guard header.starts(with: [0x7F, 0x45, 0x4C, 0x46]), header.count >= 20 else {
            throw PluginLibrary.refusal(path, "no shared library")
        }
        let number = header.integer(at: 18, bytes: 2)
        guard machine.number == 0 || (header[4] == 2 && header[5] == 1 && number == machine.number) else {
            throw PluginLibrary.refusal(
                path, "built for another architecture, ELF machine \(number) of class \(header[4])",
                expected: "\(machine.name), machine \(machine.number) of class 2")
        }
        let cut = PluginLibrary.refusal(
            path, "not whole: \(byteCount) bytes", expected: "all that its headers speak of")
        guard header.count == 64 else { throw cut }
        let (size, count) = (header.integer(at: 54, bytes: 2), header.integer(at: 56, bytes: 2))
        let start = header.integer(at: 32, bytes: 8)
        guard size >= 56, start <= byteCount, size * count <= byteCount - start else { throw cut }
        let segments = try bytes(of: file, at: start, count: size * count)
        guard segments.count == size * count else { throw cut }
        for segment in 0..<count where segments.integer(at: segment * size, bytes: 4) == 1 {
            let offset = segments.integer(at: segment * size + 8, bytes: 8)
            let length = segments.integer(at: segment * size + 32, bytes: 8)
            guard offset <= byteCount, length <= byteCount - offset else { throw cut }
        }
    }

    /// As many as the file has.
    private static func bytes(of file: FileDescriptor, at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled =
                count == 0
                ? 0
                : try file.read(
                    fromAbsoluteOffset: Int64(offset), into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}

extension [UInt8] {
    /// A little-endian number; the greatest where it has no `Int`.
    fileprivate func integer(at offset: Int, bytes: Int) -> Int {
        Int(clamping: self[offset..<offset + bytes].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
