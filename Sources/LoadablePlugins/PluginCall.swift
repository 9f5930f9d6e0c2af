import CEnginePlugin
import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Calls into a plugin's functions.
enum PluginCall {
    /// Bytes of a message that are kept, its end included.
    private static let messageLimit = 256

    /// Calls a function; nil where it is done, else what it says. Allocates only in the latter case.
    static func failure(_ function: (UnsafePointer<re_messages>) -> Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: messageLimit) { text in
            text.initialize(repeating: 0)
            var messages = re_messages(
                size: MemoryLayout<re_messages>.size,
                write: { context, text in
                    guard let context, let text else { return }
                    let kept = context.assumingMemoryBound(to: CChar.self)
                    strncpy(kept, text, PluginCall.messageLimit - 1)
                },
                context: text.baseAddress)
            let status = function(&messages)
            guard status != 0 else { return nil }
            let bytes = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            let message = String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
            return message.isEmpty ? "status \(status)" : "status \(status): \(message)"
        }
    }

    /// A plugin's text, or nil where there is none, or one with control characters.
    static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        guard let pointer else { return nil }
        let text = String(cString: pointer)
        return text.isEmpty || text.utf8.contains { $0 < 0x20 || $0 == 0x7F } ? nil : text
    }
}
