import Diagnostics
import Testing

@testable import Topology

@Suite("Placement")
struct PlacementTests {
    private static func cpus(_ placement: Placement) -> [Int?] {
        placement.workers.map(\.cpu)
    }

    @Test func coresComeBeforeSiblings() throws {
        let machine = try Machine(synthetic: "package:2 core:64 pu:2")
        let one = try machine.placement(workers: 65, pin: .core)
        #expect(Self.cpus(one) == (0..<65).map { $0 * 2 })
        #expect(one.workers[64].package == 1)
        #expect(one.workers[64].core == 64)
        #expect(one.isPinned && one.warnings.isEmpty)
        let both = try machine.placement(workers: 256, pin: .core)
        #expect(Set(Self.cpus(both)).count == 256)
        #expect(both.workers[128].cpu == 1)
        #expect(both.workers.allSatisfy { $0.weight == 0.5 })
        #expect(both.warnings.map(\.code) == ["threads-above-cores"])
    }

    @Test func siblingsOfARecordedServer() throws {
        let machine = try Machine(xmlFile: recording("two-sockets"))
        // CPU 3 is not allowed, so its sibling stands for the core.
        let placement = try machine.placement(workers: 7, pin: .core)
        #expect(Self.cpus(placement) == [0, 1, 2, 7, 4, 5, 6])
        #expect(placement.workers.map(\.numaNode) == [0, 0, 1, 1, 0, 0, 1])
        #expect(placement.workers.map(\.weight) == [0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5])
    }

    @Test func fastCoresComeFirst() throws {
        let machine = try Machine(xmlFile: recording("hybrid"))
        let placement = try machine.placement(workers: 24, pin: .core)
        #expect(Self.cpus(placement) == (0..<8).map { $0 * 2 } + (16..<32))
        #expect(placement.workers[0].weight == 1)
        #expect(abs(placement.workers[8].weight - 0.4) < 1e-9)
        let all = try machine.placement(workers: 32, pin: .core)
        #expect(Self.cpus(all)[24...] == [1, 3, 5, 7, 9, 11, 13, 15])
        #expect(all.workers[0].weight == 0.5)
    }

    @Test func kindsOutsideTheAllowedSetAreNotUsed() throws {
        let machine = try Machine(xmlFile: recording("hybrid"), allowed: CPUSet([14, 15, 16, 20]))
        #expect(Self.cpus(try machine.placement(workers: 4, pin: .core)) == [14, 16, 20, 15])
    }

    @Test func surplusWorkersWrap() throws {
        let machine = try Machine(synthetic: "core:2 pu:2", allowed: CPUSet([1, 2, 3]))
        let placement = try machine.placement(workers: 7, pin: .core)
        #expect(Self.cpus(placement) == [1, 2, 3, 1, 2, 3, 1])
        #expect(abs(placement.workers[0].weight - 1.0 / 3) < 1e-9)
        #expect(abs(placement.workers[1].weight - 1.0 / 4) < 1e-9)
        #expect(placement.warnings.map(\.code) == ["threads-above-cores"])
    }

    @Test func automaticPinningNeedsAllCores() throws {
        let machine = try Machine(synthetic: "core:4 pu:2")
        #expect(!(try machine.placement(workers: 3, pin: .auto)).isPinned)
        #expect(try machine.placement(workers: 4, pin: .auto).isPinned)
        #expect(try machine.placement(workers: 8, pin: .auto).isPinned)
        // Processes that share a machine by quota must not all pin to its first cores.
        let shared = try Machine(synthetic: "core:4 pu:2", quota: 2.5)
        #expect(!(try shared.placement(workers: shared.usableWorkerCount, pin: .auto)).isPinned)
    }

    @Test func unpinnedWorkersHaveNoPlace() throws {
        let placement = try Machine(xmlFile: recording("hybrid")).placement(workers: 24, pin: .none)
        #expect(placement.workers.count == 24)
        #expect(placement.workers.allSatisfy { $0.cpu == nil && $0.core == nil && $0.weight == 1 })
        #expect(!placement.isPinned)
    }

    @Test func quotaBelowWorkersIsAWarning() throws {
        let machine = try Machine(synthetic: "core:4 pu:1", quota: 2.5)
        #expect(try machine.placement(workers: 2, pin: .core).warnings.isEmpty)
        #expect(try machine.placement(workers: 3, pin: .core).warnings.map(\.code) == ["threads-above-quota"])
        let small = try Machine(synthetic: "core:4 pu:1", quota: 0.5)
        #expect(try small.placement(workers: 1, pin: .core).warnings.isEmpty)
    }

    @Test func listIsTakenInItsOrder() throws {
        let machine = try Machine(synthetic: "core:4 pu:2")
        let placement = try machine.placement(workers: 2, pin: .list([5, 0, 1]))
        #expect(Self.cpus(placement) == [5, 0])
        #expect(placement.workers.map(\.core) == [2, 0])
        #expect(placement.warnings.isEmpty)
        let short = try machine.placement(workers: 3, pin: .list([5, 0]))
        #expect(Self.cpus(short) == [5, 0, 5])
        #expect(short.warnings.map(\.code) == ["pin-list-short"])
        let siblings = try machine.placement(workers: 3, pin: .list([5, 4, 0]))
        #expect(siblings.warnings.map(\.code) == ["smt-shared"])
    }

    @Test(arguments: [[0, 7], [], [-1], [4096]])
    func listOutsideTheAllowedSetIsRefused(list: [Int]) throws {
        let machine = try Machine(synthetic: "core:4 pu:2", allowed: CPUSet(0..<6))
        let error = try engineError { _ = try machine.placement(workers: 1, pin: .list(list)) }
        #expect(error.code == .usage)
        #expect(error.subject == "--pin")
        #expect(error.expected.contains("0-5"))
    }

    @Test(arguments: [0, -1, 1025, Int.max, Int.min])
    func workerCountOutOfRangeIsRefused(count: Int) throws {
        let machine = try Machine(synthetic: "core:4 pu:2")
        let error = try engineError { _ = try machine.placement(workers: count, pin: .none) }
        #expect(error.code == .usage)
        #expect(error.subject == "--threads")
    }

    @Test(arguments: [1, 3, 64, 1024], [PinPolicy.auto, .core])
    func noWorkerLeavesTheAllowedSet(count: Int, pin: PinPolicy) throws {
        let allowed = CPUSet([3, 17, 18, 31])
        let machine = try Machine(xmlFile: recording("hybrid"), allowed: allowed)
        let placement = try machine.placement(workers: count, pin: pin)
        #expect(placement.workers.count == count)
        #expect(placement.workers.compactMap(\.cpu).allSatisfy(allowed.contains))
    }
}
