import ResNetEngine
import Testing

@testable import resnet_bench

/// What reports read off the system.
@Suite struct ProcessStateTests {
    /// Time stolen counts for the CPUs that the process may use, not for all of the system.
    @Test func stolenTicks() {
        let text = """
            cpu  90 0 90 9000 0 0 0 1111 0 0
            cpu0 10 0 10 1000 0 0 0 1 0 0
            cpu1 10 0 10 1000 0 0 0 10 0 0
            cpu10 10 0 10 1000 0 0 0 100 0 0
            cpu11 10 0 10 1000 0 0 0 1000 0 0
            intr 7 7 7 7 7 7 7 7 7 7
            """
        #expect(ProcessState.stolenTicks(of: CPUSet([0, 1, 10, 11]), in: text) == 1111)
        #expect(ProcessState.stolenTicks(of: CPUSet([1, 10]), in: text) == 110)
        #expect(ProcessState.stolenTicks(of: CPUSet([2]), in: text) == nil)
        #expect(ProcessState.stolenTicks(of: CPUSet([0]), in: "") == nil)
        // Systems that count nothing stolen.
        #expect(ProcessState.stolenTicks(of: CPUSet([0]), in: "cpu0 10 0 10 1000 0 0 0") == nil)
    }

    /// Memory to read is well above the caches, or there is no such figure.
    @Test func bandwidthByteCount() throws {
        for (mebibytes, expected) in [(1, 64), (16, 128), (64, 512), (256, 1024), (257, nil)] {
            let machine = try Machine(
                synthetic: "package:2 l3:1(size=\(mebibytes << 20)) core:4 pu:2")
            #expect(machine.caches.l3?.bytes == mebibytes << 20)
            #expect(BandwidthMeasurement.byteCount(for: machine) == expected.map { $0 << 20 })
        }
    }
}
