import Diagnostics
import Synchronization
import Tensors
import Topology

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How fast workers together read memory that no cache holds.
///
/// Each thread reads memory of its own from end to end, again and again, and adds the words up: nothing is written.
/// What is counted is the bytes that it asked for, once a pass, in 10⁹ a second. Writes would make it less, since a
/// cache line is read before it is written: this is the most that a layer can get from memory.
public struct BandwidthMeasurement: Sendable {
    /// GB/s of all threads together, and how many there were.
    public let gigabytesPerSecond: Double
    public let threads: Int

    /// GB/s for each thread.
    public var gigabytesPerSecondPerThread: Double { gigabytesPerSecond / Double(threads) }

    /// Bytes, of all threads together, that are well above the caches of the machine: four times the last level of all
    /// usable cores, at least 64 MiB and at most 1 GiB; nil where that is less than twice the last level, so that caches
    /// would hold much of it.
    public static func byteCount(for machine: Machine) -> Int? {
        let lastLevel = machine.usableCores.reduce(0.0) { sum, core in
            guard let cache = core.caches.l3 ?? core.caches.l2 else { return sum }
            return sum + Double(cache.bytes) * Double(core.cpus.count) / Double(max(cache.sharingCPUs, 1))
        }
        let most = 1 << 30
        guard 2 * lastLevel <= Double(most) else { return nil }
        return min(max(4 * Int(lastLevel), 64 << 20), most)
    }

    /// Measures with one thread for each of the placement's workers, bound as these are.
    ///
    /// - Parameters:
    ///   - placement: where the threads run.
    ///   - byteCount: memory that all threads read together.
    ///   - slices: how often all threads read at the same time; the best sum of their rates counts.
    ///   - milliseconds: how long a slice takes.
    /// - Throws: `resource` when the system refuses memory or a thread.
    public init(
        placement: Placement, byteCount: Int, slices: Int = 5, milliseconds: Double = 20
    ) throws(EngineError) {
        threads = max(placement.workers.count, 1)
        let meeting = Meeting(count: threads, slices: slices, seconds: milliseconds / 1e3)
        var readers: [Reader] = []
        for index in 0..<threads {
            let cpu = placement.workers.indices.contains(index) ? placement.workers[index].cpu : nil
            readers.append(Reader(meeting, byteCount: byteCount / threads, cpu: cpu))
        }
        var running: [pthread_t] = []
        for reader in readers {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(reader)
            guard pthread_create(&thread, nil, Reader.main, argument.toOpaque()) == 0 else {
                argument.release()
                meeting.cancel()
                break
            }
            running.append(thread)
        }
        for thread in running { pthread_join(thread, nil) }
        if let failure = readers.lazy.compactMap(\.failure).first { throw failure }
        guard running.count == threads else {
            throw EngineError(
                .resource, "threads that read memory", "the system gave \(running.count)",
                expected: "\(threads)")
        }
        gigabytesPerSecond = (0..<slices).reduce(0) { best, slice in
            max(best, readers.reduce(0) { $0 + $1.rates[slice] })
        }
    }

    /// Where threads wait for each other before each slice.
    private final class Meeting: Sendable {
        let slices: Int
        let seconds: Double
        private let count: Int
        private let arrivals = Atomic(0)
        private let isCancelled = Atomic(false)

        init(count: Int, slices: Int, seconds: Double) {
            self.count = count
            self.slices = slices
            self.seconds = seconds
        }

        func cancel() { isCancelled.store(true, ordering: .relaxed) }

        /// Returns when all threads have come to the slice, or false when one of them never will.
        func join(_ slice: Int) -> Bool {
            arrivals.add(1, ordering: .acquiringAndReleasing)
            while arrivals.load(ordering: .acquiring) < count * (slice + 1) {
                if isCancelled.load(ordering: .relaxed) { return false }
                sched_yield()
            }
            return true
        }
    }

    /// One thread and its memory, which it alone uses until it has ended, and touches first: so it is near.
    private final class Reader: @unchecked Sendable {
        private typealias Line = SIMD16<UInt32>

        private(set) var rates: [Double]
        private(set) var failure: EngineError?
        private let meeting: Meeting
        private let lineCount: Int
        private let cpu: Int?

        init(_ meeting: Meeting, byteCount: Int, cpu: Int?) {
            self.meeting = meeting
            self.cpu = cpu
            rates = [Double](repeating: 0, count: meeting.slices)
            // Four at a time.
            lineCount = max(byteCount / MemoryLayout<Line>.stride, 4) / 4 * 4
        }

        static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<Reader>.fromOpaque(argument).takeRetainedValue().read() }
            return nil
        }

        private func read() {
            if let cpu { _ = ThreadAffinity.bind(toCPU: cpu) }
            do throws(EngineError) {
                measure(try AlignedBuffer<Line>(count: lineCount, subject: "memory bandwidth"))
            } catch {
                failure = error
                meeting.cancel()
            }
        }

        private func measure(_ memory: AlignedBuffer<Line>) {
            // Pages that nobody has written are all the same one, which stays in the cache.
            memory.elements.update(repeating: Line(repeating: 1))
            for slice in 0..<meeting.slices {
                guard meeting.join(slice) else { return }
                let clock = ContinuousClock()
                let start = clock.now
                var passes = 0
                var elapsed = 0.0
                var sum = Line.zero
                repeat {
                    sum &+= Self.sum(memory)
                    passes += 1
                    elapsed = (clock.now - start).seconds
                } while elapsed < meeting.seconds
                // A use of the sum that the optimiser cannot prove away.
                let expected = Line(repeating: UInt32(truncatingIfNeeded: passes &* memory.count))
                rates[slice] = sum == expected ? Double(passes * memory.byteCount) / elapsed / 1e9 : 0
            }
        }

        /// All lines added up, in four chains.
        @inline(never)
        private static func sum(_ memory: AlignedBuffer<Line>) -> Line {
            let lines = memory.pointer
            var (a, b, c, d) = (Line.zero, Line.zero, Line.zero, Line.zero)
            var index = 0
            while index < memory.count {
                a &+= lines[index]
                b &+= lines[index + 1]
                c &+= lines[index + 2]
                d &+= lines[index + 3]
                index += 4
            }
            return a &+ b &+ c &+ d
        }
    }
}
