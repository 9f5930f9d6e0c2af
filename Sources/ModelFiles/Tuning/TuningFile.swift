import Diagnostics
import ResNetEngine
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Measured times of kernels in a file:
///
///     {"schema":"resnet-engine.tuning/1","problems":{"CPU; …; conv:n1c64…; kernels":{"kernel":nanoseconds}}}
///
/// Processes may read and add at the same time: a file is replaced as a whole. One of other content is neither
/// read nor replaced.
public struct TuningFile: TuningCache {
    private static let opening = #"{"schema":"resnet-engine.tuning/1","#
    /// Times of some fifty thousand problems; a larger file is none of times.
    private static let maximumByteCount = 16 << 20

    private let given: String?

    /// - Parameter path: of the file; nil for `resnet-engine/tuning.json` in `$XDG_CACHE_HOME` or `~/.cache`.
    public init(_ path: String? = nil) { given = path }

    /// - Throws: `cannotCreate` where there is no place for the file, `missingInput`, `badData` and `inputOutput` for one
    ///   that cannot be read or does not hold times.
    public func read() throws(EngineError) -> [String: [String: Int]] {
        let path = try path()
        return try Self.bytes(path).map { bytes throws(EngineError) in
            try Self.problems(bytes, path)
        } ?? [:]
    }

    /// - Throws: as ``read()``, but for a file of times that is damaged: that is replaced; and `cannotCreate` or
    ///   `inputOutput` where the file cannot be written.
    public func add(_ records: [String: [String: Int]]) throws(EngineError) {
        let path = try path()
        var problems: [String: [String: Int]] = [:]
        if let bytes = try Self.bytes(path) {
            do throws(EngineError) {
                problems = try Self.problems(bytes, path)
            } catch {
                guard Self.opening.utf8.starts(with: bytes.prefix(Self.opening.utf8.count)) else {
                    throw error
                }
            }
        }
        problems.merge(records) { _, new in new }
        if given == nil { Self.makeFolders(of: path) }
        var text = Array(Self.text(problems).utf8)
        // A file above the limit would not be read again.
        if text.count > Self.maximumByteCount { text = Array(Self.text(records).utf8) }
        let file = try AtomicOutputFile(path)
        try file.write(text)
        try file.commit()
    }

    private func path() throws(EngineError) -> String {
        if let given { return given }
        func folder(_ variable: String) -> String? {
            // A relative folder is none, as the XDG specification says.
            getenv(variable).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        guard let caches = folder("XDG_CACHE_HOME") ?? folder("HOME").map({ $0 + "/.cache" }) else {
            throw EngineError(
                .cannotCreate, "tuning cache", "no XDG_CACHE_HOME and no HOME", expected: "a folder's name")
        }
        return caches + "/resnet-engine/tuning.json"
    }

    /// What is missing of the two folders above the file; its own error tells when that fails.
    private static func makeFolders(of path: String) {
        let folder = FilePath(path).removingLastComponent()
        for folder in [folder.removingLastComponent(), folder] {
            _ = folder.withPlatformString { mkdir($0, 0o700) }
        }
    }

    /// The content of the file, nil where there is none.
    private static func bytes(_ path: String) throws(EngineError) -> [UInt8]? {
        guard (try? FilePath(path).stat()) != nil else { return nil }
        let file = try InputFile(path)
        guard file.byteCount <= maximumByteCount else {
            throw EngineError(
                .badData, path, "\(file.byteCount) bytes", expected: "at most \(maximumByteCount)")
        }
        return try file.bytes(at: 0, count: file.byteCount)
    }

    private static func problems(
        _ bytes: [UInt8], _ path: String
    ) throws(EngineError) -> [String: [String: Int]] {
        guard bytes.starts(with: opening.utf8) else {
            throw EngineError(.badData, path, shown(bytes.prefix(40)), expected: opening)
        }
        var problems: [String: [String: Int]] = [:]
        var scanner = ByteScanner(bytes, subject: path)
        try scanner.object { (scanner, name) throws(EngineError) in
            switch name {
            case "schema": _ = try scanner.string()
            case "problems":
                try scanner.object { (scanner, problem) throws(EngineError) in
                    var times: [String: Int] = [:]
                    try scanner.object { (scanner, kernel) throws(EngineError) in
                        times[kernel] = try scanner.unsigned()
                    }
                    problems[problem] = times
                }
            default: throw scanner.failure(shown(name.utf8), expected: "schema and problems")
            }
        }
        try scanner.expectEnd()
        return problems
    }

    /// A line a problem, sorted.
    private static func text(_ problems: [String: [String: Int]]) -> String {
        let lines = problems.sorted { $0.key < $1.key }.map { problem, times in
            let members = times.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\($0.value)" }
            return "\(jsonString(problem)):{\(members.joined(separator: ","))}"
        }
        return "\(opening)\"problems\":{\n\(lines.joined(separator: ",\n"))\n}}\n"
    }
}
