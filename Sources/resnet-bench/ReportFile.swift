import CommandSupport
import ModelFiles
import ResNetEngine

/// Where a report goes besides the text: a file, which appears when it is whole, a pipe or device, or standard
/// output.
struct ReportFile {
    /// Whether the report takes the place of the text on standard output.
    let isStandardOutput: Bool
    private let path: String
    /// A pipe or device, opened once: its reader takes the first close for the end.
    private let stream: AtomicOutputFile?

    /// - Throws: `cannotCreate` when the report cannot be written there, so before long work.
    init(_ path: String) throws(EngineError) {
        self.path = path
        isStandardOutput = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path)
        var status = stat()
        if isStandardOutput {
            stream = nil
        } else if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            stream = try AtomicOutputFile(path)
        } else {
            stream = nil
            // Goes, and its temporary file with it, without a commit. A signal during the work leaves none.
            try Interrupts.shared.deferred { () throws(EngineError) in _ = try AtomicOutputFile(path) }
            try Interrupts.shared.check()
        }
    }

    /// - Parameters:
    ///   - other: the other report of the same run.
    ///   - flag: this one's flag; `otherFlag` the other's.
    /// - Throws: `usage` where both go to the same place, which holds one.
    func checkIsNot(_ other: ReportFile?, _ flag: String, _ otherFlag: String) throws(EngineError) {
        guard let other else { return }
        if isStandardOutput, other.isStandardOutput {
            throw EngineError(.usage, flag, "standard output, which \(otherFlag) has", expected: "a file")
        }
        let isSame = ResolvedPath.of(path) == ResolvedPath.of(other.path)
        if isSame, !isStandardOutput, !ResolvedPath.isDevice(path) {
            throw EngineError(.usage, flag, path, expected: "another file than \(otherFlag)")
        }
    }

    /// Writes the report; call one of both, once.
    func write(_ value: JSONValue) throws(EngineError) { try write(value.text) }

    /// Writes the report.
    func write(_ text: String) throws(EngineError) {
        guard !isStandardOutput else { return try StandardStreams.write(text) }
        if let stream { return try Self.write(text, to: stream) }
        try Interrupts.shared.deferred { () throws(EngineError) in
            try Self.write(text, to: try AtomicOutputFile(path))
        }
        try Interrupts.shared.check()
    }

    private static func write(_ text: String, to file: AtomicOutputFile) throws(EngineError) {
        try file.write(Array(text.utf8))
        try file.commit()
    }
}
