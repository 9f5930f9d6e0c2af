import CommandSupport
import ModelFiles
import ResNetEngine

/// A report for machines: to a file, which appears when it is whole, or to standard output for `-`.
enum ReportFile {
    /// Finds out before long work whether the report can be written.
    static func check(_ path: String?) throws(EngineError) {
        guard let path, path != "-" else { return }
        // Goes, and its temporary file with it, without a commit.
        _ = try AtomicOutputFile(path)
    }

    static func write(_ value: JSONValue, to path: String) throws(EngineError) {
        guard path != "-" else { return try StandardStreams.write(value.text) }
        let file = try AtomicOutputFile(path)
        try file.write(Array(value.text.utf8))
        try file.commit()
    }
}
