import CTopology

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the system can count of a thread's user code.
public enum PerformanceEvent: String, Sendable, CaseIterable {
    case cycles
    case instructions
    /// Cache lines that loads, stores and prefetches into the first level did not find in the second.
    case l2Misses = "l2_misses"
    /// The same of the last level.
    case l3Misses = "l3_misses"
    /// Nanoseconds for which the thread ran: less than the time that passed where others took its CPU.
    case taskClock = "task_clock_ns"
    case pageFaults = "page_faults"

    fileprivate var raw: ctopology_event {
        switch self {
        case .cycles: CTOPOLOGY_CYCLES
        case .instructions: CTOPOLOGY_INSTRUCTIONS
        case .l2Misses: CTOPOLOGY_L2_MISSES
        case .l3Misses: CTOPOLOGY_L3_MISSES
        case .taskClock: CTOPOLOGY_TASK_CLOCK
        case .pageFaults: CTOPOLOGY_PAGE_FAULTS
        }
    }

    /// Why an event cannot be counted.
    public struct Refusal: Sendable, Hashable {
        public let event: PerformanceEvent
        public let reason: String
    }

    /// Those of `events` that the calling thread may count together, and why not the others.
    public static func supported(
        among events: [PerformanceEvent] = allCases
    ) -> (supported: [PerformanceEvent], refused: [Refusal]) {
        var (supported, refused) = accepted(events)
        // A group that was accepted may still find no place beside what others count.
        while let last = supported.last, !canCount(supported) {
            supported.removeLast()
            refused.append(Refusal(event: last, reason: reason(EINVAL)))
        }
        return (supported, refused)
    }

    /// Whether the events can be started and read.
    private static func canCount(_ events: [PerformanceEvent]) -> Bool {
        var counters = ThreadCounters()
        defer { counters.close() }
        for event in events where counters.add(event) != 0 { return false }
        guard counters.start() else { return false }
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: ThreadCounters.limit) { values in
            values.baseAddress.map { counters.read(into: $0) } ?? false
        }
    }

    private static func accepted(
        _ events: [PerformanceEvent]
    ) -> (supported: [PerformanceEvent], refused: [Refusal]) {
        var counters = ThreadCounters()
        defer { counters.close() }
        var supported: [PerformanceEvent] = []
        var refused: [Refusal] = []
        for event in events {
            let status = counters.add(event)
            if status == 0 {
                supported.append(event)
            } else {
                refused.append(Refusal(event: event, reason: reason(status)))
            }
        }
        return (supported, refused)
    }

    /// What a status of ``ThreadCounters/add(_:)`` means.
    public static func reason(_ status: Int32) -> String {
        switch status {
        case ENOENT, ENODEV, EOPNOTSUPP: return "this processor, or virtual machine, has no such counter"
        case EINVAL: return "it does not fit beside the others"
        case ENOSYS: return "the system has no perf_event_open"
        case EACCES, EPERM:
            let level = TextFile.content(of: "/proc/sys/kernel/perf_event_paranoid")?
                .split(whereSeparator: \.isNewline).first
            return "the system forbids it, perf_event_paranoid is \(level ?? "unknown")"
        default: return "the system refuses it: \(String(cString: strerror(status)))"
        }
    }
}

/// Counters of the thread that made them, read together. Nothing here allocates.
public struct ThreadCounters: Sendable {
    /// How many counters there can be.
    public static var limit: Int { Int(CTOPOLOGY_COUNTER_LIMIT) }

    private var raw = ctopology_counters()

    public init() {}

    /// Adds a counter of the calling thread.
    ///
    /// - Returns: 0, or the errno of the refusal.
    public mutating func add(_ event: PerformanceEvent) -> Int32 { ctopology_add_counter(&raw, event.raw) }

    /// Lets all counters begin at one moment; none is added after this.
    ///
    /// - Returns: false where the system refuses.
    public func start() -> Bool { withUnsafePointer(to: raw) { ctopology_start_counters($0) } }

    /// Reads all counters at one moment.
    ///
    /// - Parameter values: room for ``limit`` of them; as many as were added are written, in that order.
    /// - Returns: false where the system does not tell.
    public func read(into values: UnsafeMutablePointer<UInt64>) -> Bool {
        withUnsafePointer(to: raw) { ctopology_read_counters($0, values) }
    }

    /// Gives the counters back.
    public mutating func close() { ctopology_close_counters(&raw) }
}
