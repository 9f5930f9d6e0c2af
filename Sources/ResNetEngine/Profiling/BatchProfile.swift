import Diagnostics
import Topology

/// What every worker did while one batch ran.
public struct BatchProfile: Sendable {
    /// One run of a step by one worker: of some images, or of a part of one image that workers shared.
    public struct Event: Sendable, Hashable {
        /// Index into ``Engine/executedSteps``.
        public let step: Int
        public let worker: Int
        public let firstImage: Int
        public let images: Int
        /// Which part of how many, those of one pass after those of the one before it.
        public let part: Int
        public let parts: Int
        /// Nanoseconds from the start of the batch.
        public let start: Int
        public let end: Int

        public var nanoseconds: Int { end - start }
    }

    public let rows: Int
    /// Events of all workers, each worker's in order of time.
    public let events: [Event]
    /// From the first worker's start to the last one's end.
    public let nanoseconds: Int
    /// For each worker the time between its start and its end in which it did not wait for others.
    public let busyNanoseconds: [Int]
    /// What was counted of each event besides its time.
    public let counters: [PerformanceEvent]
    /// For each event one count a counter.
    private let counts: [UInt64]

    /// What each of ``counters`` counted in an event of ``events``.
    public func counts(ofEvent index: Int) -> ArraySlice<UInt64> {
        counts[index * counters.count..<(index + 1) * counters.count]
    }

    /// - Throws: `unavailable` when the system refused a worker a counter.
    init(_ recorder: StepRecorder, rows: Int) throws(EngineError) {
        self.rows = rows
        let counters = recorder.counters
        self.counters = counters
        for worker in 0..<recorder.slotCount {
            guard let refusal = recorder.slot(worker).refusal else { continue }
            throw EngineError(
                .unavailable, "counter \(counters[refusal.counter].rawValue) of worker \(worker)",
                refusal.status == 0
                    ? "others use the hardware counters" : PerformanceEvent.reason(refusal.status))
        }
        counts = (0..<recorder.slotCount).flatMap { worker in
            let slot = recorder.slot(worker)
            return UnsafeBufferPointer(
                start: slot.counts + ThreadCounters.limit, count: slot.count * counters.count)
        }
        let slots = (0..<recorder.slotCount).map(recorder.slot).filter { $0.end > 0 }
        let begin = slots.map(\.start).min() ?? 0
        nanoseconds = Int((slots.map(\.end).max() ?? begin) - begin)
        busyNanoseconds = (0..<recorder.slotCount).map { index in
            let slot = recorder.slot(index)
            return Int(slot.end - slot.start) - Int(slot.waited)
        }
        events = (0..<recorder.slotCount).flatMap { worker in
            let slot = recorder.slot(worker)
            return (0..<slot.count).map { index in
                let event = slot.events[index]
                return Event(
                    step: Int(event.step), worker: worker, firstImage: Int(event.firstImage),
                    images: Int(event.images), part: Int(event.part), parts: Int(event.parts),
                    start: Int(event.start - begin), end: Int(event.end - begin))
            }
        }
    }
}
