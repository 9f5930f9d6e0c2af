import Foundation
import Testing

@testable import Topology

/// Counters of a thread, on events that the system itself counts, as far as it lets.
@Suite struct CounterTests {
    @Test func whatRunsIsCounted() throws {
        let (supported, refused) = PerformanceEvent.supported(among: [.taskClock, .pageFaults])
        #expect(supported.count + refused.count == 2)
        var counters = ThreadCounters()
        defer { counters.close() }
        for event in supported { #expect(counters.add(event) == 0) }
        var before = [UInt64](repeating: 0, count: ThreadCounters.limit)
        var after = before
        #expect(counters.start())
        #expect(counters.read(into: &before))
        // Pages that nobody touched yet.
        let pages = 64
        let memory = UnsafeMutableRawPointer.allocate(byteCount: pages << 12, alignment: 1 << 12)
        defer { memory.deallocate() }
        guard madvise(memory, pages << 12, MADV_DONTNEED) == 0 else { return }
        memset(memory, Int32(supported.count), pages << 12)
        #expect(memory.load(fromByteOffset: (pages << 12) - 1, as: UInt8.self) == UInt8(supported.count))
        #expect(counters.read(into: &after))
        for (index, event) in supported.enumerated() {
            let count = after[index] - before[index]
            #expect(event == .pageFaults ? count >= 1 : count > 0, "\(event): \(count)")
        }
    }

    @Test func refusalsAreNamed() {
        var counters = ThreadCounters()
        defer { counters.close() }
        var buffer = [UInt64](repeating: 7, count: ThreadCounters.limit)
        // None is none to read.
        #expect(counters.read(into: &buffer) && buffer.allSatisfy { $0 == 7 })
        let statuses = (0...ThreadCounters.limit).map { _ in counters.add(.taskClock) }
        // A group that is full takes no more, whatever the system allows.
        #expect(statuses.last != 0)
        #expect(PerformanceEvent.reason(EACCES).contains("perf_event_paranoid is "))
        #expect(PerformanceEvent.reason(ENOENT).contains("no such counter"))
        #expect(PerformanceEvent.reason(EMFILE).contains("refuses"))
    }
}
