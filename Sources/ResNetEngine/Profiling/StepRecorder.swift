import Diagnostics
import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What workers note while a batch runs. Each slot has memory of its own, which its thread alone writes: no lock, no
/// allocation.
final class StepRecorder: @unchecked Sendable {
    /// One run of a step, or of a part of it.
    struct Event {
        /// The step, counted through all phases.
        var step: Int32
        var firstImage: Int32
        var images: Int32
        var part: Int32
        var parts: Int32
        /// Nanoseconds of the monotonic clock.
        var start: UInt64
        var end: UInt64
    }

    /// What one slot has noted.
    struct Slot {
        let events: UnsafeMutablePointer<Event>
        var count = 0
        /// When the worker began and ended, and for how long it waited for others meanwhile.
        var start: UInt64 = 0
        var end: UInt64 = 0
        var waited: UInt64 = 0
    }

    let slotCount: Int
    private let capacity: Int
    private let events: [AlignedBuffer<Event>]
    private let slots: UnsafeMutablePointer<Slot>

    /// - Parameters:
    ///   - count: worker slots.
    ///   - capacity: events of one slot; what comes after these is not noted.
    /// - Throws: `resource` when the system refuses the memory.
    init(slots count: Int, capacity: Int) throws(EngineError) {
        var events: [AlignedBuffer<Event>] = []
        for _ in 0..<count { events.append(try AlignedBuffer(count: capacity, subject: "profile")) }
        self.events = events
        slotCount = count
        self.capacity = capacity
        slots = .allocate(capacity: count)
        for slot in 0..<count { (slots + slot).initialize(to: Slot(events: events[slot].pointer)) }
    }

    deinit { slots.deallocate() }

    @inline(__always)
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }

    @inline(__always)
    func note(_ slot: Int, step: Int, images: Range<Int>, part: StepPart, start: UInt64, end: UInt64) {
        let count = slots[slot].count
        guard count < capacity else { return }
        slots[slot].events[count] = Event(
            step: Int32(truncatingIfNeeded: step), firstImage: Int32(truncatingIfNeeded: images.lowerBound),
            images: Int32(truncatingIfNeeded: images.count), part: Int32(truncatingIfNeeded: part.index),
            parts: Int32(truncatingIfNeeded: part.count), start: start, end: end)
        slots[slot].count = count + 1
    }

    func begin(_ slot: Int, at time: UInt64) { slots[slot].start = time }
    func end(_ slot: Int, at time: UInt64) { slots[slot].end = time }
    func wait(_ slot: Int, _ time: UInt64) { slots[slot].waited += time }

    func slot(_ index: Int) -> Slot { slots[index] }
}
