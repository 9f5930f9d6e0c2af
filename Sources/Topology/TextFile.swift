#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Small files of the system.
enum TextFile {
    /// The content of a file up to 4 MiB, nil when it cannot be read. Bytes that are not UTF-8 are replaced.
    static func content(of path: String) -> String? {
        bytes(of: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a file up to 4 MiB, nil when it cannot be read.
    static func bytes(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        while content.count < 4 << 20 {
            var hasFailed = false
            let chunk = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                let taken = read(descriptor, buffer.baseAddress, buffer.count)
                hasFailed = taken < 0
                count = max(taken, 0)
            }
            if hasFailed { return nil }
            if chunk.isEmpty { break }
            content += chunk
        }
        return content
    }
}

extension Sequence<UInt8> {
    /// What lies between bytes that separate, without empty parts.
    func parts(separatedBy isSeparator: (UInt8) -> Bool) -> [String] {
        var parts: [String] = []
        var part: [UInt8] = []
        for byte in self {
            if !isSeparator(byte) {
                part.append(byte)
            } else if !part.isEmpty {
                parts.append(String(decoding: part, as: UTF8.self))
                part.removeAll(keepingCapacity: true)
            }
        }
        if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
        return parts
    }
}

extension String {
    /// What lies between bytes that separate, without empty parts.
    func parts(separatedBy separator: UInt8) -> [String] { utf8.parts { $0 == separator } }
}
