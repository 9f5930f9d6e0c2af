import Diagnostics
import Foundation
import ModelFiles
import Testing

/// Valid files with some bytes changed: a reader accepts or refuses, and never traps.
@Suite struct FuzzReplayTests {
    /// Set `FUZZ_SEED` to replay a failure or to look elsewhere.
    static let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    static let mutationCount = 1000

    @Test(arguments: ["names.safetensors", "types.safetensors", "v1-float64.npy", "v2-uint8.npy", "long.npy"])
    func mutationsAreReadOrRefused(name: String) throws {
        print("fuzz replay of \(name): FUZZ_SEED=\(Self.seed)")
        let original = try contents(fixture("formats/\(name)"))
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: Self.seed)
        var refused = 0
        for _ in 0..<Self.mutationCount {
            let path = try directory.file("mutated", mutated(original, &generator))
            do {
                if name.hasSuffix("npy") {
                    _ = try NPYReader(path).readAll()
                } else {
                    _ = try Safetensors.read(path)
                }
            } catch {
                refused += 1
                #expect(error.code == .badData, "\(error)")
            }
        }
        #expect(refused > Self.mutationCount / 10)
    }

    private func mutated(_ original: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        let telling = Array("{}[]():,\"'\\0919-+.eu \u{0}TF".utf8) + [0x80, 0xff]
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let at = Int.random(in: bytes.indices, using: &generator)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[at] = .random(in: .min ... .max, using: &generator)
            case 2, 3: bytes[at] = telling.randomElement(using: &generator) ?? 0
            case 4: bytes.remove(at: at)
            case 5: bytes.insert(telling.randomElement(using: &generator) ?? 0, at: at)
            default: bytes.removeSubrange(at..<min(bytes.count, at + .random(in: 1...40, using: &generator)))
            }
        }
        return bytes
    }
}
