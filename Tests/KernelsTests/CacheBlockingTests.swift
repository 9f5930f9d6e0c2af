import Kernels
import Testing
import Topology

@testable import ResNetEngine

/// How loops and reductions are cut for a cache changes no bit of any result.
@Suite struct CacheBlockingTests {
    static let layers = [
        // Cut into bands of rows, into passes, and into passes that go outermost; with every kind of residual.
        "conv:c64h12w12,k48r3s3,pad1,bias,relu,sum", "conv:c160h7w7,k64r3s3,pad1,bias,relu",
        "conv:c256h14w14,k64r1s1,bias,sum-apart", "conv:c512h7w7,k96r1s1,bias,relu,sum",
        "conv:c96h17w9,k80r3s3,stride2,pad1,bias", "conv:c7h20w20,k32r5s5,stride2,pad2,relu",
        "conv:c40h9w30,k33r3s3,pad2,dil2,bias,sum",
        "conv:c160h7w7,k64r3s3,pad1,bias,relu,bf16", "conv:c512h7w7,k96r1s1,bias,relu,sum,bf16",
        "conv:c256h14w14,k64r1s1,bias,sum-apart,from-bf16", "conv:c7h20w20,k32r5s5,stride2,pad2,relu,to-bf16",
    ]

    @Test(arguments: layers, ISALevel.allCases.filter { $0 <= .detected })
    func cutsChangeNoBit(text: String, isa: ISALevel) throws {
        try check(text, KernelSelection.table(for: isa))
    }

    @Test(arguments: layers) func cutsOfWideTilesChangeNoBit(text: String) throws {
        try check(text, .emulatedWide)
    }

    private func check(_ text: String, _ table: KernelTable) throws {
        let problem = try LayerProblem(text, subject: "test")
        for exact in [true, false] {
            let unlimited = WorkerCaches(first: 1 << 30, last: 1 << 30)
            let whole = try output(problem, table, unlimited, exact: exact)
            #expect(whole.contains { $0 != 0 })
            for bytes in [0, 64, 1 << 10, 10_000, 1 << 15, 1 << 17] {
                for first in [bytes / 8, 1 << 30] {
                    let caches = WorkerCaches(first: first, last: bytes)
                    let cut = try output(problem, table, caches, exact: exact)
                    #expect(cut == whole, "\(caches), exact \(exact)")
                }
            }
        }
    }

    private func output(_ problem: LayerProblem, _ table: KernelTable, _ caches: WorkerCaches, exact: Bool)
        throws
        -> [UInt32]
    {
        let layer = try PreparedLayer(
            problem, images: 1, table: table, caches: caches,
            candidates: ConvolutionCandidates(table, exact: exact), seed: 7)
        layer.step.run(layer.context, images: 0..<1)
        var values = [Float](repeating: 0, count: layer.output.shape.elementCount)
        values.withUnsafeMutableBufferPointer {
            guard let target = $0.baseAddress else { return }
            MapCopy.unpack(layer.context.origin(0, of: layer.output), layer.output, into: target)
        }
        return values.map(\.bitPattern)
    }
}
