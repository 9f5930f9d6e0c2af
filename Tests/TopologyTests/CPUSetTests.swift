import Diagnostics
import Testing

@testable import Topology

@Suite("CPU sets")
struct CPUSetTests {
    @Test(arguments: [
        ("0", [0]), ("0,2-5", [0, 2, 3, 4, 5]), ("5,1", [1, 5]), ("3-3", [3]), ("1,1-2", [1, 2]),
        ("63-64,4095", [63, 64, 4095]),
    ])
    func listIsRead(text: String, cpus: [Int]) throws {
        #expect(try Array(CPUSet(parsing: text)) == cpus)
    }

    @Test(arguments: [
        "", ",", "0,", ",0", "-", "1-", "-1", "5-2", "1-2-3", "4096", "0-4096", "99999999999999999999", "a",
        "0x1",
        "+1", " 1", "1 ", "1;2", "٣",
    ])
    func nonsenseIsRefused(text: String) throws {
        let error = try engineError { _ = try CPUSet(parsing: text, subject: "--pin") }
        #expect(error.code == .usage)
        #expect(error.subject == "--pin")
    }

    @Test(arguments: ["", "0", "0,2-5", "1-2,4,63-64,4095"])
    func listIsPrinted(text: String) throws {
        let set = text.isEmpty ? CPUSet() : try CPUSet(parsing: text)
        #expect(set.description == text)
    }

    @Test func membership() {
        let set = CPUSet([-1, 3, 3, 64, 4095, 4096])
        #expect(set.count == 3)
        #expect(set.contains(64) && !set.contains(65) && !set.contains(-1) && !set.contains(4096))
        #expect(!set.isEmpty && CPUSet().isEmpty)
        #expect(set.intersection(CPUSet([64, 65])) == CPUSet([64]))
        #expect(CPUSet([3]).isSubset(of: set) && !CPUSet([4]).isSubset(of: set))
    }

    @Test func maskHoldsTheSameMembers() {
        let set = CPUSet([0, 1, 63, 64, 1024, 4095])
        #expect(CPUSet(set.mask) == set)
        #expect(set.mask.words.1 == 1)
    }
}

@Suite("Pin policies")
struct PinPolicyTests {
    @Test(arguments: [
        ("auto", PinPolicy.auto), ("none", .none), ("core", .core), ("list:0,2-5", .list([0, 2, 3, 4, 5])),
        ("list:5,1", .list([5, 1])),
    ])
    func policyIsRead(text: String, policy: PinPolicy) throws {
        #expect(try PinPolicy(parsing: text) == policy)
        #expect(try PinPolicy(parsing: policy.description) == policy)
    }

    @Test(arguments: ["", "Auto", "cores", "list", "list:", "list:x", "list:4-2", "0,1"])
    func nonsenseIsRefused(text: String) throws {
        let error = try engineError { _ = try PinPolicy(parsing: text) }
        #expect(error.code == .usage)
        #expect(error.subject == "--pin")
    }
}
