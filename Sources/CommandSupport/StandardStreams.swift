import Diagnostics

/// Text to the two standard streams, unbuffered, with errors reported.
public enum StandardStreams {
    /// Writes the text to standard output.
    /// - Throws: `inputOutput` when the system fails to write, as when a reader has gone.
    public static func write(_ text: String) throws(EngineError) {
        let error = writeAll(text, to: STDOUT_FILENO)
        guard error == 0 else {
            throw EngineError(.inputOutput, "standard output", "writing failed: \(systemMessage(error))")
        }
    }

    /// Writes the text to standard error. Nothing can be done when that fails.
    public static func writeError(_ text: String) {
        _ = writeAll(text, to: STDERR_FILENO)
    }

    public static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Gives closed standard streams something to stand for, so that no file that is opened later takes their
    /// place. Writing to it fails, as it would have.
    static func occupyClosedDescriptors() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) == -1
        {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    private static func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = UnsafeBufferPointer(rebasing: rest)
                let count = writeBytes(descriptor, piece.baseAddress, piece.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                rest = rest.dropFirst(count)
            }
            return 0
        }
    }

    private static func systemMessage(_ error: Int32) -> String {
        strerror(error).map { String(cString: $0) } ?? "error \(error)"
    }
}

/// `write(2)`, which a method hides above.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
