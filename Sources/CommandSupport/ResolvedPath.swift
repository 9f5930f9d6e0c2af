#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Which file a path names, however it is spelt.
public enum ResolvedPath {
    /// The path without links; of a file that does not exist yet, its name in the resolved folder.
    public static func of(_ path: String) -> String {
        if let real = real(path) { return real }
        let split = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let folder = path[..<split]
        return (real(folder.isEmpty ? "." : String(folder)) ?? String(folder)) + "/" + path[split...]
    }

    /// Whether the path names a device such as `/dev/null`, to which any number of outputs may go.
    public static func isDevice(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
    }

    private static func real(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
