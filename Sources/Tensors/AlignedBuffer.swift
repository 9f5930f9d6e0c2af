import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Zero-filled memory that starts on a cache line, freed with its last reference.
///
/// The buffer itself does no bounds checks and no locking: its owner decides who writes when.
public final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    /// Bytes to which every buffer is aligned: a page, so that large buffers may use huge pages and no two
    /// buffers share a cache line.
    public static var alignment: Int { 4096 }

    public let pointer: UnsafeMutablePointer<Element>
    public let count: Int

    public var byteCount: Int { count * MemoryLayout<Element>.stride }
    public var elements: UnsafeMutableBufferPointer<Element> { .init(start: pointer, count: count) }

    /// - Throws: `resource` when the system refuses the memory.
    public init(count: Int, subject: String = "memory") throws(EngineError) {
        let (byteCount, overflow) = max(count, 1).multipliedReportingOverflow(
            by: MemoryLayout<Element>.stride)
        var memory: UnsafeMutableRawPointer?
        guard !overflow, count >= 0, byteCount <= Int.max - Self.alignment,
            posix_memalign(&memory, Self.alignment, byteCount) == 0, let memory
        else {
            throw EngineError(
                .resource, subject, "\(count) elements of \(Element.self) refused by the system")
        }
        memset(memory, 0, byteCount)
        self.pointer = memory.bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
    }

    deinit { free(pointer) }
}
