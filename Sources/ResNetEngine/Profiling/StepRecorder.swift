import Diagnostics
import Tensors
import Topology

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What workers note while a batch runs. Each slot has memory of its own, which its thread alone writes: no lock, no
/// allocation, and no cache line of another slot.
final class StepRecorder: @unchecked Sendable {
    /// One run of a step, or of a part of it.
    struct Event {
        /// The step, counted through all phases.
        var step: Int32
        var firstImage: Int32
        var images: Int32
        /// Which part of how many, those of all passes counted on.
        var part: Int32
        var parts: Int32
        /// Nanoseconds of the monotonic clock.
        var start: UInt64
        var end: UInt64
    }

    /// What one slot has noted.
    struct Slot {
        let events: UnsafeMutablePointer<Event>
        /// For each event what each counter counted, and before them the counters as the step began.
        let counts: UnsafeMutablePointer<UInt64>
        var counters = ThreadCounters()
        /// The first counter that the system refused to this thread, and its errno; or one that it did not tell.
        var refusal: (counter: Int, status: Int32)?
        var count = 0
        /// When the worker began and ended, and for how long it waited for others meanwhile.
        var start: UInt64 = 0
        var end: UInt64 = 0
        var waited: UInt64 = 0
    }

    /// What each thread counts besides.
    let counters: [PerformanceEvent]
    let slotCount: Int
    /// Events of one slot; what comes after these is not noted.
    private let capacity: Int
    private let events: [AlignedBuffer<Event>]
    private let counts: [AlignedBuffer<UInt64>]
    private let memory: UnsafeMutableRawPointer
    /// Two cache lines, which processors fetch together, or more.
    private static let alignment = 128
    private static var slotStride: Int { (MemoryLayout<Slot>.size + alignment - 1) / alignment * alignment }

    /// - Throws: `usage` for more counters than can be read together, `resource` when the system refuses the memory.
    init(slots count: Int, capacity: Int, counters: [PerformanceEvent]) throws(EngineError) {
        guard counters.count <= ThreadCounters.limit else {
            throw EngineError(
                .usage, "counters", "\(counters.count)", expected: "at most \(ThreadCounters.limit)")
        }
        var size = ByteCount(subject: "profile")
        if !counters.isEmpty {
            // Reading writes all that a group can have.
            try size.add(capacity, counters.count)
            try size.add(2 * ThreadCounters.limit)
        }
        var events: [AlignedBuffer<Event>] = []
        var counts: [AlignedBuffer<UInt64>] = []
        for _ in 0..<count {
            events.append(try AlignedBuffer(count: capacity, subject: "profile"))
            counts.append(try AlignedBuffer(count: size.bytes, subject: "profile"))
        }
        self.events = events
        self.counts = counts
        self.counters = counters
        slotCount = count
        self.capacity = capacity
        memory = .allocate(byteCount: count * Self.slotStride, alignment: Self.alignment)
        for slot in 0..<count { pointer(slot).initialize(to: empty(slot)) }
    }

    deinit { memory.deallocate() }

    @inline(__always)
    private func pointer(_ slot: Int) -> UnsafeMutablePointer<Slot> {
        (memory + slot * Self.slotStride).assumingMemoryBound(to: Slot.self)
    }

    private func empty(_ slot: Int) -> Slot {
        Slot(events: events[slot].pointer, counts: counts[slot].pointer)
    }

    /// This recorder without notes, if it has room for such a batch.
    func reused(slots count: Int, capacity: Int, counters: [PerformanceEvent]) -> StepRecorder? {
        guard count == slotCount, capacity <= self.capacity, counters == self.counters else { return nil }
        for slot in 0..<count { pointer(slot).pointee = empty(slot) }
        return self
    }

    @inline(__always)
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }

    /// Called by the slot's thread before its first step: opens its counters.
    func begin(_ slot: Int) {
        let slot = pointer(slot)
        for index in counters.indices where slot.pointee.refusal == nil {
            let status = slot.pointee.counters.add(counters[index])
            if status != 0 { slot.pointee.refusal = (index, status) }
        }
        if !slot.pointee.counters.start(), slot.pointee.refusal == nil { slot.pointee.refusal = (0, 0) }
        slot.pointee.start = Self.now()
    }

    /// Called after its last one.
    func end(_ slot: Int) {
        pointer(slot).pointee.end = Self.now()
        pointer(slot).pointee.counters.close()
    }

    func wait(_ slot: Int, _ time: UInt64) { pointer(slot).pointee.waited += time }

    /// Runs a step, or a part of it, and notes that.
    @inline(__always)
    func note(_ slot: Int, step: Int, images: Range<Int>, part: StepPart, _ run: () -> Void) {
        let slot = pointer(slot)
        if !counters.isEmpty { read(slot, into: slot.pointee.counts) }
        let start = Self.now()
        run()
        let end = Self.now()
        let count = slot.pointee.count
        guard count < capacity else { return }
        slot.pointee.events[count] = Event(
            step: Int32(truncatingIfNeeded: step), firstImage: Int32(truncatingIfNeeded: images.lowerBound),
            images: Int32(truncatingIfNeeded: images.count),
            part: Int32(truncatingIfNeeded: part.pass * part.count + part.index),
            parts: Int32(truncatingIfNeeded: part.passes * part.count), start: start, end: end)
        slot.pointee.count = count + 1
        guard !counters.isEmpty else { return }
        let counted = slot.pointee.counts + (ThreadCounters.limit + count * counters.count)
        read(slot, into: counted)
        for index in counters.indices { counted[index] &-= slot.pointee.counts[index] }
    }

    private func read(_ slot: UnsafeMutablePointer<Slot>, into values: UnsafeMutablePointer<UInt64>) {
        if !slot.pointee.counters.read(into: values), slot.pointee.refusal == nil {
            slot.pointee.refusal = (0, 0)
        }
    }

    func slot(_ index: Int) -> Slot { pointer(index).pointee }
}
