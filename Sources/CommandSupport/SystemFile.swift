/// Small text files of the system.
public enum SystemFile {
    /// The first bytes of a file; nil when it cannot be read. Bytes that are not UTF-8 are replaced.
    public static func content(of path: String, limit: Int = 1 << 14) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
