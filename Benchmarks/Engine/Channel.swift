import Glibc
import ResNetEngine

/// The driver's end of the pipe: one line of JSON an answer.
enum Channel {
    /// - Throws: `inputOutput` when the driver has gone.
    static func answer(_ line: String) throws(EngineError) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw EngineError(.inputOutput, "standard output", "writing failed, errno \(errno)")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Tells the driver what went wrong, if it is still there.
    static func fail(_ message: String) {
        let escaped = message.flatMap { character -> [Character] in
            switch character {
            case "\"", "\\": ["\\", character]
            case _ where character.isNewline || character == "\t": [" "]
            default: [character]
            }
        }
        try? answer(#"{"error": "\#(String(escaped))"}"#)
    }
}
