import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Zero-filled memory that starts on a cache line, or what lies in a file, freed with its last reference.
///
/// The buffer itself does no bounds checks and no locking: its owner decides who writes when.
public final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    /// Bytes to which every buffer but a part of one is aligned: a page, so that no two share a cache line.
    public static var alignment: Int { 4096 }
    /// Bytes of a huge page. Buffers that hold whole ones are aligned to them and ask the system for them: an
    /// address then costs one entry of the translation cache where it took 512.
    private static var hugePage: Int { 2 << 20 }
    /// Bytes from which on a buffer is mapped: the system fills its pages with zeros, each when it is touched.
    private static var mappedSize: Int { 64 << 10 }

    public let pointer: UnsafeMutablePointer<Element>
    public let count: Int

    public var byteCount: Int { count * MemoryLayout<Element>.stride }
    public var elements: UnsafeMutableBufferPointer<Element> { .init(start: pointer, count: count) }

    /// Its whole pages, where the system mapped them for it alone; else empty.
    package var pages: UnsafeMutableRawBufferPointer {
        guard !isConstant, whole == nil, mapping != nil else {
            return UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeMutableRawBufferPointer(
            start: pointer, count: byteCount / Self.alignment * Self.alignment)
    }

    /// Whether nobody may write the memory, which others may have too.
    package let isConstant: Bool
    /// What the system mapped; nil for memory of the heap.
    private let mapping: UnsafeMutableRawBufferPointer?
    /// The buffer whose memory this is a part of.
    private let whole: AlignedBuffer?

    /// - Parameters:
    ///   - count: elements. Pages of a large buffer come into being as they are first touched, near the thread that does.
    ///   - subject: what an error names.
    /// - Throws: `resource` when the system refuses the memory.
    public init(count: Int, subject: @autoclosure () -> String = "memory") throws(EngineError) {
        let (byteCount, overflow) = max(count, 1).multipliedReportingOverflow(
            by: MemoryLayout<Element>.stride)
        var memory: UnsafeMutableRawPointer?
        var mapping: UnsafeMutableRawBufferPointer?
        if !overflow, count >= 0, byteCount <= Int.max - Self.hugePage {
            if byteCount >= Self.hugePage {
                mapping = Self.map(byteCount + Self.hugePage)
                memory = mapping?.baseAddress?.alignedUp(toMultipleOf: Self.hugePage)
            } else if byteCount >= Self.mappedSize {
                mapping = Self.map(byteCount)
                memory = mapping?.baseAddress
            } else if posix_memalign(&memory, Self.alignment, byteCount) == 0 {
                memory.map { _ = memset($0, 0, byteCount) }
            }
        }
        guard let memory else {
            throw EngineError(
                .resource, subject(), "\(count) elements of \(Element.self) refused by the system")
        }
        #if os(Linux)
            // Advice alone: a system that has none to give goes on with small pages.
            if byteCount >= Self.hugePage {
                madvise(memory, byteCount / Self.hugePage * Self.hugePage, MADV_HUGEPAGE)
            }
        #endif
        self.pointer = memory.bindMemory(to: Element.self, capacity: max(count, 1))
        self.count = count
        self.mapping = mapping
        whole = nil
        isConstant = false
    }

    /// What lies in a file: constant, its pages come into being as they are first read and are shared by all who map them. Nobody
    /// may write the file meanwhile.
    ///
    /// - Parameters:
    ///   - descriptor: of the file, which may be closed afterwards.
    ///   - count: elements from the start of the file, all within it.
    ///   - subject: what an error names.
    /// - Throws: `resource` when the system refuses to map it.
    package init(
        mapping descriptor: Int32, count: Int, subject: @autoclosure () -> String
    ) throws(EngineError) {
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        let start =
            overflow || count <= 0
            ? nil : mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else {
            throw EngineError(.resource, subject(), "\(count) elements not mapped by the system")
        }
        pointer = start.bindMemory(to: Element.self, capacity: count)
        self.count = count
        mapping = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
        whole = nil
        isConstant = true
    }

    /// Some elements of another buffer: the same memory, which may start anywhere on a cache line.
    private init(_ range: Range<Int>, of whole: AlignedBuffer, isConstant: Bool) {
        pointer = whole.pointer + range.lowerBound
        count = range.count
        mapping = nil
        self.whole = whole
        self.isConstant = isConstant
    }

    /// Some elements as a buffer, which holds on to the whole one's memory. Parts that overlap must be constant.
    package func part(_ range: Range<Int>, isConstant: Bool = false) -> AlignedBuffer {
        AlignedBuffer(range, of: self, isConstant: isConstant || self.isConstant)
    }

    deinit {
        guard whole == nil else { return }
        if let mapping { munmap(mapping.baseAddress, mapping.count) } else { free(pointer) }
    }

    /// Zero-filled pages of this process alone.
    private static func map(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
        let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let start, start != MAP_FAILED else { return nil }
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }
}
