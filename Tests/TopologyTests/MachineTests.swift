import Diagnostics
import Foundation
import Testing

@testable import Topology

@Suite("Machines")
struct MachineTests {
    @Test func twoSocketsOf64CoresWithSiblings() throws {
        let machine = try Machine(synthetic: "package:2 core:64 pu:2")
        #expect(machine.packageCount == 2)
        #expect(machine.cores.count == 128)
        #expect(machine.cores[64].package == 1)
        #expect(machine.cores[64].cpus == [128, 129])
        #expect(machine.allowed.description == "0-255")
        #expect(machine.usableWorkerCount == 128)
        #expect(machine.cpuModel == "unknown")
    }

    @Test func recordedServer() throws {
        let machine = try Machine(xmlFile: recording("two-sockets"))
        #expect(machine.cpuModel == "Server Example")
        #expect(machine.cpuIdentity == "Example Vendor 25 17")
        #expect(machine.numaNodes == [0, 1])
        #expect(machine.cores.map(\.cpus) == [[0, 4], [1, 5], [2, 6], [3, 7]])
        #expect(machine.cores.map(\.package) == [0, 0, 1, 1])
        #expect(machine.cores.map(\.numaNode) == [0, 0, 1, 1])
        #expect(machine.cores.map(\.weight) == [1, 1, 1, 1])
        #expect(machine.allowed.description == "0-2,4-7")
        #expect(machine.caches.l1d == Machine.Cache(bytes: 32 << 10, sharingCPUs: 2))
        #expect(machine.caches.l2 == Machine.Cache(bytes: 1 << 20, sharingCPUs: 2))
        #expect(machine.caches.l3 == Machine.Cache(bytes: 16 << 20, sharingCPUs: 4))
    }

    @Test func recordedHybrid() throws {
        let machine = try Machine(xmlFile: recording("hybrid"))
        #expect(machine.cores.count == 24)
        #expect(
            machine.cores.map(\.efficiencyClass) == [Int](repeating: 1, count: 8)
                + [Int](repeating: 0, count: 16))
        #expect(machine.cores[0].weight == 1)
        // 4000 of 5000 MHz at half the vector width.
        #expect(abs(machine.cores[8].weight - 0.4) < 1e-9)
        #expect(machine.caches.l2?.bytes == 2 << 20)
        #expect(machine.cores[8].caches.l2 == Machine.Cache(bytes: 4 << 20, sharingCPUs: 4))
        #expect(machine.usableWorkerCount == 24)
    }

    @Test func slowCoresComeLastHoweverTheyAreNumbered() throws {
        let machine = try Machine(xmlFile: recording("big-little"))
        #expect(machine.usableCores.map(\.cpus) == [[2], [3], [0], [1]])
        #expect(machine.cores.map(\.weight) == [0.25, 0.25, 1, 1])
    }

    @Test func kindsCanBeGiven() throws {
        let kinds = [
            Machine.Kind(cpus: CPUSet(0..<2), efficiencyClass: 0, weight: 1),
            Machine.Kind(cpus: CPUSet(2..<4), efficiencyClass: 1, weight: 2),
            Machine.Kind(cpus: CPUSet([4]), efficiencyClass: 0, weight: .nan),
        ]
        let machine = try Machine(synthetic: "core:5 pu:1", kinds: kinds)
        #expect(machine.cores.map(\.weight) == [0.5, 0.5, 1, 1, 0.5])
    }

    @Test(arguments: [("0,2-3", 2), ("1", 1), ("0-3", 2), ("0,2,4", 3)])
    func cpusetCountsCores(allowed: String, workers: Int) throws {
        let machine = try Machine(synthetic: "core:4 pu:2", allowed: CPUSet(parsing: allowed))
        #expect(machine.usableWorkerCount == workers)
    }

    @Test func cpusOutsideTheMachineAreNotAllowed() throws {
        let machine = try Machine(xmlFile: recording("two-sockets"), allowed: CPUSet([2, 3, 99]))
        #expect(machine.allowed.description == "2")
        let error = try engineError { _ = try Machine(synthetic: "pu:4", allowed: CPUSet([4])) }
        #expect(error.code == .usage)
    }

    @Test(
        arguments: [
            (nil, 4), (2.5, 2), (0.5, 1), (0, 1), (3.999, 3), (4, 4), (100, 4), (.infinity, 4), (.nan, 4),
            (-1, 1),
            (1e300, 4),
        ] as [(Double?, Int)])
    func quotaIsRoundedDown(quota: Double?, workers: Int) throws {
        let machine = try Machine(synthetic: "core:4 pu:1", quota: quota)
        #expect(machine.usableWorkerCount == workers)
    }

    @Test(arguments: [
        "", "nonsense", "core:", "core:0", "core:-1", "core:4 pu:99999999", "pu:0x7fffffff", "65 65",
        "[numa] pu:4097",
        "core:4(",
    ])
    func malformedDescriptionIsRefused(text: String) throws {
        let error = try engineError { _ = try Machine(synthetic: text) }
        #expect(error.code == .usage)
    }

    @Test func attributesOfADescriptionAreRead() throws {
        let machine = try Machine(synthetic: "package:1 [numa(memory=100GB)] l2:2(size=1048576) core:2 pu:1")
        #expect(machine.cores[3].caches.l2 == Machine.Cache(bytes: 1 << 20, sharingCPUs: 2))
        #expect(machine.cores[3].caches.l3 == nil)
    }

    @Test func unreadableRecordings() throws {
        let folder = try TemporaryFolder(files: [
            "empty.xml": "", "text.xml": "not XML", "other.xml": "<svg></svg>",
            "cut.xml": String(try String(contentsOfFile: recording("hybrid"), encoding: .utf8).prefix(3000)),
        ])
        for name in ["empty", "text", "other", "cut"] {
            let error = try engineError { _ = try Machine(xmlFile: "\(folder.path)/\(name).xml") }
            #expect(error.code == .badData, "\(name)")
        }
        for path in ["\(folder.path)/absent.xml", folder.path, ""] {
            let error = try engineError { _ = try Machine(xmlFile: path) }
            #expect(error.code == .missingInput)
        }
    }

    @Test func thisMachine() {
        let machine = Machine.detect()
        #expect(!machine.cpuModel.isEmpty)
        #expect(!machine.allowed.isEmpty)
        #expect(machine.allowed.isSubset(of: CPUSet(machine.cores.flatMap(\.cpus))))
        #expect(machine.cores.map(\.index) == Array(machine.cores.indices))
        #expect((1...machine.allowed.count).contains(machine.usableWorkerCount))
        #expect(machine.warnings.isEmpty)
    }
}
