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
    /// Bytes to which every buffer is aligned: a page, so that no two buffers share a cache line.
    public static var alignment: Int { 4096 }
    /// Bytes of a huge page. Buffers that hold whole ones are aligned to them and ask the system for them: an
    /// address then costs one entry of the translation cache where it took 512.
    private static var hugePage: Int { 2 << 20 }

    public let pointer: UnsafeMutablePointer<Element>
    public let count: Int

    public var byteCount: Int { count * MemoryLayout<Element>.stride }
    public var elements: UnsafeMutableBufferPointer<Element> { .init(start: pointer, count: count) }

    /// What the system mapped; nil for memory of the heap.
    private let mapping: UnsafeMutableRawBufferPointer?

    /// - Parameters:
    ///   - count: elements. Pages of a large buffer come into being as they are first touched, near the thread that does.
    ///   - subject: what an error names.
    /// - Throws: `resource` when the system refuses the memory.
    public init(count: Int, subject: String = "memory") throws(EngineError) {
        let (byteCount, overflow) = max(count, 1).multipliedReportingOverflow(
            by: MemoryLayout<Element>.stride)
        var memory: UnsafeMutableRawPointer?
        var mapping: UnsafeMutableRawBufferPointer?
        if !overflow, count >= 0, byteCount <= Int.max - Self.hugePage {
            if byteCount >= Self.hugePage {
                mapping = Self.map(byteCount + Self.hugePage)
                memory = mapping?.baseAddress?.alignedUp(toMultipleOf: Self.hugePage)
            } else if posix_memalign(&memory, Self.alignment, byteCount) == 0 {
                memory.map { _ = memset($0, 0, byteCount) }
            }
        }
        guard let memory else {
            throw EngineError(
                .resource, subject, "\(count) elements of \(Element.self) refused by the system")
        }
        #if os(Linux)
            // Advice alone: a system that has none to give goes on with small pages.
            if mapping != nil {
                madvise(memory, byteCount / Self.hugePage * Self.hugePage, MADV_HUGEPAGE)
            }
        #endif
        self.pointer = memory.bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
        self.mapping = mapping
    }

    deinit {
        if let mapping { munmap(mapping.baseAddress, mapping.count) } else { free(pointer) }
    }

    /// Zero-filled pages of this process alone.
    private static func map(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let start, start != MAP_FAILED else { return nil }
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }
}
