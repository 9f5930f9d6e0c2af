import CTopology
import Foundation
import Testing

@testable import Topology

@Suite("Instruction sets")
struct ISALevelTests {
    /// A processor with every feature that the levels look at, and nothing else.
    static let complete = ctopology_cpuid(
        leaf1_ecx: ISALevel.version3Leaf1, leaf7_ebx: ISALevel.version3Leaf7 | ISALevel.version4Leaf7,
        leaf7_1_eax: 1 << 5, extended1_ecx: ISALevel.version3Extended,
        saved_state: ISALevel.vectorState | ISALevel.wideVectorState)

    /// What the C library knows is what the processor answers.
    @Test func wordsAreThoseOfTheProcessor() {
        let (read, asked) = (ctopology_read_cpuid(), ctopology_ask_cpuid())
        #expect(read.leaf1_ecx == asked.leaf1_ecx && read.leaf7_ebx == asked.leaf7_ebx)
        #expect(read.leaf7_1_eax == asked.leaf7_1_eax && read.extended1_ecx == asked.extended1_ecx)
        #expect(read.saved_state == asked.saved_state)
    }

    @Test func levelsAreOrdered() {
        #expect(ISALevel.baseline < .avx2)
        #expect(ISALevel.avx2 < .avx512)
        #expect(ISALevel.allCases.sorted() == ISALevel.allCases)
    }

    @Test func allFeaturesGiveTheWidestLevel() {
        #expect(ISALevel(cpuid: Self.complete) == .avx512)
        #expect(ISALevel(cpuid: ctopology_cpuid()) == .baseline)
    }

    @Test func bfloat16NeedsItsFeatureAndTheLevel() {
        #expect(ISALevel.multipliesBFloat16(cpuid: Self.complete))
        var without = Self.complete
        without.leaf7_1_eax = ~(1 << 5)
        #expect(!ISALevel.multipliesBFloat16(cpuid: without))
        var narrow = Self.complete
        narrow.leaf7_ebx ^= 1 << 16
        #expect(!ISALevel.multipliesBFloat16(cpuid: narrow))
    }

    @Test(arguments: [0, 9, 12, 13, 19, 20, 22, 23, 27, 28, 29])
    func leaf1FeatureIsNeeded(bit: UInt32) {
        var cpuid = Self.complete
        cpuid.leaf1_ecx ^= 1 << bit
        #expect(ISALevel(cpuid: cpuid) == .baseline)
    }

    @Test(arguments: [3, 5, 8])
    func leaf7FeatureIsNeededForAVX2(bit: UInt32) {
        var cpuid = Self.complete
        cpuid.leaf7_ebx ^= 1 << bit
        #expect(ISALevel(cpuid: cpuid) == .baseline)
    }

    @Test(arguments: [16, 17, 28, 30, 31])
    func leaf7FeatureIsNeededForAVX512(bit: UInt32) {
        var cpuid = Self.complete
        cpuid.leaf7_ebx ^= 1 << bit
        #expect(ISALevel(cpuid: cpuid) == .avx2)
    }

    @Test(arguments: [0, 5])
    func extendedFeatureIsNeeded(bit: UInt32) {
        var cpuid = Self.complete
        cpuid.extended1_ecx ^= 1 << bit
        #expect(ISALevel(cpuid: cpuid) == .baseline)
    }

    @Test(
        arguments: [(1, ISALevel.baseline), (2, .baseline), (5, .avx2), (6, .avx2), (7, .avx2)]
            as [(UInt64, ISALevel)])
    func systemMustSaveTheRegisters(bit: UInt64, level: ISALevel) {
        var cpuid = Self.complete
        cpuid.saved_state ^= 1 << bit
        #expect(ISALevel(cpuid: cpuid) == level)
    }

    /// The kernel lists the features of the processor that it lets programs use.
    @Test func detectionAgreesWithTheKernel() throws {
        #if arch(x86_64)
            let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("flags") })
            let flags = Set(line.split(separator: " ").map(String.init))
            let version3: Set = ["avx2", "fma", "bmi1", "bmi2", "abm", "f16c", "movbe"]
            let version4: Set = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
            let expected: ISALevel =
                !version3.isSubset(of: flags) ? .baseline : !version4.isSubset(of: flags) ? .avx2 : .avx512
            #expect(ISALevel.detected == expected)
        #else
            #expect(ISALevel.detected == .baseline)
        #endif
    }
}
