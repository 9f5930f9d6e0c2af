import ModelFiles
import ResNetEngine
import Tensors
import Testing

@Suite struct TorchGeneratorTests {
    /// The second one has more than 32 bits, of which PyTorch heeds the low ones.
    static let seeds: [UInt64] = [0, 4_294_967_301]

    private func golden(_ seed: UInt64) throws -> StateDictionary {
        try Safetensors.read(fixture("generator/seed\(seed).safetensors"))
    }

    private func filled(_ count: Int, _ fill: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
        var values = [Float](repeating: .nan, count: count)
        values.withUnsafeMutableBufferPointer { fill($0) }
        return values
    }

    private func largestDifference(_ first: [Float], _ second: [Float]) -> Float {
        let differences = zip(first, second).map { abs($0 - $1) }
        guard first.count == second.count, differences.allSatisfy(\.isFinite) else { return .infinity }
        return differences.max() ?? 0
    }

    @Test(arguments: seeds) func defaultInitialisationIsExact(seed: UInt64) throws {
        let golden = try golden(seed)
        var generator = TorchGenerator(seed: seed)
        for (name, fanIn) in [("conv", 27), ("linear", 20)] {
            let bounds = TorchGenerator.convolutionBounds(fanIn: fanIn)
            for (part, bound) in [("weight", bounds.weight), ("bias", bounds.bias)] {
                let expected = try golden.values("\(name).\(part)")
                let values = filled(expected.count) { generator.uniform($0, from: -bound, to: bound) }
                #expect(values == expected)
            }
        }
        let input = try golden.values("input")
        #expect(largestDifference(filled(input.count) { generator.normal($0) }, input) < 1e-6)
    }

    @Test(arguments: seeds) func uniformIsExact(seed: UInt64) throws {
        let expected = try golden(seed).values("uniform")
        var generator = TorchGenerator(seed: seed)
        #expect(filled(expected.count) { generator.uniform($0, from: -0.3, to: 1.7) } == expected)
    }

    @Test(arguments: seeds, [Int](1...40) + [64, 1000])
    func normalOfEverySize(seed: UInt64, count: Int) throws {
        let expected = try golden(seed).values("randn.\(count)")
        var generator = TorchGenerator(seed: seed)
        #expect(largestDifference(filled(count) { generator.normal($0) }, expected) < 1e-6)
    }

    @Test(arguments: seeds) func shortFillsKeepTheSecondOfAPair(seed: UInt64) throws {
        let expected = try golden(seed).values("randn.sequence")
        var generator = TorchGenerator(seed: seed)
        let values = [5, 1, 3, 17, 3, 16, 2].flatMap { count in filled(count) { generator.normal($0) } }
        #expect(largestDifference(values, expected) < 1e-6)
    }

    @Test func piecesOfSixteenAreOneFill() {
        var whole = TorchGenerator(seed: 3)
        var pieces = whole
        let expected = filled(16 * 7 + 5) { whole.normal($0) }
        #expect([16, 48, 32, 21].flatMap { count in filled(count) { pieces.normal($0) } } == expected)
    }

    @Test func nothingFeedsNothing() {
        #expect(TorchGenerator.convolutionBounds(fanIn: 0) == (0, 0))
        var generator = TorchGenerator(seed: 1)
        var other = generator
        #expect(filled(0) { generator.normal($0) } == [])
        #expect(filled(3) { generator.normal($0) } == filled(3) { other.normal($0) })
    }
}
