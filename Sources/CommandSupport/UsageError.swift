import Diagnostics

/// What the parser of arguments complains about, as one line of ours.
enum UsageError {
    /// Options of later versions, which scripts may already know.
    private static let laterOptions: Set<String> = [
        "--max-errors", "--rejects", "--resume",
    ]

    /// - Parameter message: the parser's, in one or more lines.
    static func translated(_ message: String, _ arguments: [String]) -> EngineError {
        if let later = firstLaterName(arguments) {
            return EngineError(
                .usage, later, "not in version \(ToolVersion.current)", expected: "what --help lists")
        }
        let line = String(message.split(whereSeparator: \.isNewline).first ?? "arguments that make no sense")
        let quoted = line.split(separator: "'", omittingEmptySubsequences: false)
        let subject = quoted.count > 1 ? String(quoted[1].prefix { $0 != " " }) : ""
        if line.hasPrefix("Unknown option") {
            return EngineError(.usage, subject, "unknown option", expected: "an option that --help lists")
        }
        if line.hasPrefix("Missing value for") {
            return EngineError(.usage, subject, "no value", expected: "a value after it")
        }
        if line.hasPrefix("Unexpected argument"), quoted.count > 1 {
            return EngineError(
                .usage, "arguments", "unexpected '\(quoted[1])'",
                expected: "a command or options that --help lists")
        }
        let isFlag = subject.hasPrefix("-")
        return EngineError(.usage, isFlag ? subject : "arguments", line, expected: "what --help lists")
    }

    private static func firstLaterName(_ arguments: [String]) -> String? {
        arguments.lazy.map { String($0.prefix { $0 != "=" }) }.first(where: laterOptions.contains)
    }
}
