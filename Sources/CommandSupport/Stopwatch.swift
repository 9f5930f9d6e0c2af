/// The system's monotonic clock, read without allocating.
public enum Stopwatch {
    /// Nanoseconds since some moment before the program began.
    public static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000
            &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }

    public static func seconds(_ start: UInt64, _ end: UInt64) -> Double {
        Double(end &- start) * 1e-9
    }
}
