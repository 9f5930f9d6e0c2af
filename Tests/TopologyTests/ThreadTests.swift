import Foundation
import Testing

@testable import Topology

/// What the process may use, before any test pins a thread.
private let processCPUs = ThreadAffinity.Mask()?.cpus ?? CPUSet()

@Suite("Threads")
struct ThreadTests {
    @Test func bindingHoldsUntilRestored() async throws {
        let cpu = try #require(Array(processCPUs).last)
        let (saved, bound, cpuWhileBound, after) = await onNewThread {
            () -> (CPUSet?, CPUSet?, Int?, CPUSet?) in
            guard let mask = ThreadAffinity.Mask(), ThreadAffinity.bind(toCPU: cpu) else {
                return (nil, nil, nil, nil)
            }
            let bound = ThreadAffinity.Mask()?.cpus
            let cpuWhileBound = CurrentThread.cpu
            _ = ThreadAffinity.restore(mask)
            return (mask.cpus, bound, cpuWhileBound, ThreadAffinity.Mask()?.cpus)
        }
        #expect(saved == processCPUs)
        #expect(bound == CPUSet([cpu]))
        #expect(cpuWhileBound == cpu)
        #expect(after == processCPUs)
    }

    @Test(arguments: [-1, 4095, 4096, Int.max, Int.min])
    func bindingToNoCPUFails(cpu: Int) async {
        let (succeeded, mask) = await onNewThread {
            (ThreadAffinity.bind(toCPU: cpu), ThreadAffinity.Mask()?.cpus)
        }
        #expect(!succeeded)
        #expect(mask == processCPUs)
    }

    @Test func emptyMaskIsRefused() async {
        #expect(await onNewThread { !ThreadAffinity.restore(ThreadAffinity.Mask(CPUSet())) })
    }

    /// As under `taskset -c 1`: hwloc calls the whole machine allowed, the mask does not.
    @Test(.enabled(if: processCPUs.count > 1))
    func detectionObeysTheMask() async throws {
        let cpu = try #require(Array(processCPUs).last)
        let machine = await onNewThread {
            _ = ThreadAffinity.bind(toCPU: cpu)
            return Machine.detect()
        }
        #expect(machine.allowed == CPUSet([cpu]))
        #expect(machine.usableWorkerCount == 1)
        #expect(try machine.placement(workers: 2, pin: .core).workers.map(\.cpu) == [cpu, cpu])
        let other = try #require(processCPUs.first { $0 != cpu })
        #expect(throws: (any Error).self) { try machine.placement(workers: 1, pin: .list([other])) }
    }

    @Test func detectionLeavesTheMaskAlone() async {
        let masks = await onNewThread {
            _ = Machine.detect()
            let first = ThreadAffinity.Mask()?.cpus
            _ = MachineDetection().machine
            return [first, ThreadAffinity.Mask()?.cpus]
        }
        #expect(masks == [processCPUs, processCPUs])
    }

    /// The thread that looks runs on other CPUs than the one that asks, for whose mask the answer is.
    @Test func detectionBesideTheCallerIsForTheCaller() async {
        let (machines, alone) = await onNewThread {
            let machines = [MachineDetection().machine, Machine.detect()]
            _ = CurrentThread.cpu.map { ThreadAffinity.bind(toCPU: $0) }
            return (machines, [MachineDetection().machine, Machine.detect()])
        }
        for pair in [machines, alone] {
            #expect(pair[0].allowed == pair[1].allowed)
            #expect(pair[0].cores.map(\.cpus) == pair[1].cores.map(\.cpus))
            #expect(pair[0].usableWorkerCount == pair[1].usableWorkerCount)
            #expect(pair[0].warnings.map(\.code) == pair[1].warnings.map(\.code))
        }
        #expect(alone[0].usableWorkerCount == 1)
        // One that nobody asks ends by itself, and one that is asked twice answers twice.
        _ = MachineDetection()
        let detection = MachineDetection()
        #expect(detection.machine.allowed == detection.machine.allowed)
    }

    @Test func threadsHaveIdentifiers() async {
        let first = await onNewThread { (CurrentThread.identifier, CurrentThread.identifier) }
        #expect(first.0 > 0)
        #expect(first.0 == first.1)
        #expect(first.0 != Int(getpid()))
        #expect(CurrentThread.cpu.map(processCPUs.contains) == true)
    }
}

/// Memory that other code can see, so that a product is computed where it stands, as in a kernel.
private final class Multiplier: @unchecked Sendable {
    private let values = UnsafeMutablePointer<Float>.allocate(capacity: 3)

    deinit { values.deallocate() }

    @inline(never)
    private func multiply() { values[2] = values[0] * values[1] }

    func product(_ left: Float, _ right: Float) -> Float {
        values[0] = left
        values[1] = right
        multiply()
        return values[2]
    }
}

@Suite("Floating-point mode")
struct FloatingPointModeTests {
    @Test func subnormalsAreZeroUntilRestored() async {
        let multiplier = Multiplier()
        let (before, during, operand, after, modes) = await onNewThread {
            let start = FloatingPointMode.current
            let before = multiplier.product(.leastNormalMagnitude, 0.5)
            let saved = FloatingPointMode.enterFlushToZero()
            let during = multiplier.product(.leastNormalMagnitude, 0.5)
            let operand = multiplier.product(.leastNonzeroMagnitude, 0x1p100)
            FloatingPointMode.restore(saved)
            let after = multiplier.product(.leastNormalMagnitude, 0.5)
            return (before, during, operand, after, start == saved && FloatingPointMode.current == start)
        }
        #expect(before > 0)
        #expect(during == 0)
        #expect(operand == 0)
        #expect(after == before)
        #expect(modes)
    }

    @Test func enteringTwiceIsUndoneInTurn() async {
        let multiplier = Multiplier()
        let values = await onNewThread {
            let outer = FloatingPointMode.enterFlushToZero()
            let inner = FloatingPointMode.enterFlushToZero()
            FloatingPointMode.restore(inner)
            let stillFlushing = multiplier.product(.leastNormalMagnitude, 0.5)
            FloatingPointMode.restore(outer)
            return [stillFlushing, multiplier.product(.leastNormalMagnitude, 0.5)]
        }
        #expect(values[0] == 0)
        #expect(values[1] > 0)
    }
}
