import Foundation
import Kernels
import Testing
import Topology

@testable import ResNetEngine

/// Every kernel of every instruction set that this machine runs, against the float64 reference: all widths 1 … 57
/// and channels 1 … 130, with and without bias, residual and ReLU, canaries around everything.
@Suite struct KernelVerificationTests {
    static let seed =
        ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1 << 32)
    static let expectedISA = ProcessInfo.processInfo.environment["EXPECTED_ISA"]

    @Test(arguments: ISALevel.allCases.filter { $0 <= .detected })
    func kernelsMatchTheReference(isa: ISALevel) throws {
        try check(KernelVerification.run(isa: isa, seed: Self.seed), atLeast: 50)
    }

    @Test func wideTilesMatchTheReference() throws {
        try check(KernelVerification.run(.emulatedWide, seed: Self.seed), atLeast: 50)
    }

    /// The kernels of the widest instruction set on a few small shapes: each strip width of each tile, panels whole
    /// and cut. On emulated processors this is what time allows.
    @Test func emulatedKernelsMatchTheReference() throws {
        let cases = ConvolutionLayer.sweep(
            widths: Array(1...15), channels: [1, 16, 17], filters: [1, 16, 17, 32, 50])
        let table = KernelSelection.table(for: .detected)
        try check(KernelVerification.run(table, cases, poolings: 32, seed: Self.seed), atLeast: 20)
    }

    /// An emulator that shows another processor than meant would have other kernels tested.
    @Test(.enabled(if: Self.expectedISA != nil)) func emulatedProcessorIsTheOneMeant() {
        #expect(ISALevel.detected.rawValue == Self.expectedISA)
    }

    private func check(_ outcomes: [KernelVerification.Outcome], atLeast count: Int) {
        print("seed \(Self.seed)")
        #expect(outcomes.count >= 10)
        for outcome in outcomes {
            print(outcome.kernel, outcome.cases, outcome.worstError)
            #expect(outcome.cases >= count, "\(outcome.kernel)")
            #expect(
                outcome.failures.isEmpty,
                "\(outcome.kernel), seed \(Self.seed): \(outcome.failures.prefix(3))")
            #expect(
                outcome.worstError > 0 || outcome.kernel.hasPrefix("conv.f32.1x1"),
                "\(outcome.kernel) was not compared")
        }
    }

    /// A harness that cannot fail proves nothing: spoil one thing at a time and see it caught.
    @Test(arguments: ["weight", "lane", "halo", "tail"])
    func harnessCatches(fault: String) throws {
        var table = KernelTable.emulatedWide
        let good = table.convolutions[0]
        table.convolutions = [
            ConvolutionKernel(name: "spoilt", panelLanes: good.panelLanes, supports: good.supports) { call in
                var copy = call.pointee
                if fault == "weight" { copy.runCount -= 1 }
                good.run(&copy)
                if fault == "lane" { copy.output[channelBlock - 1] += 1 }
                if fault == "halo" { copy.output[-1] = 0 }
                // The map starts one halo row and one halo pixel before its pixel (0, 0).
                let end = copy.blocks * copy.outputBlockStride - copy.outputRowStride - channelBlock
                if fault == "tail" { copy.output[end + 3] = 0 }
            }
        ]
        // Winograd's products have the kernel that they need.
        table.convolutions.append(ReferenceConvolution.kernel)
        let outcome = try KernelVerification.run(table, seed: Self.seed)[0]
        #expect(
            outcome.failures.count * 2 > outcome.cases,
            "\(fault): \(outcome.failures.count) of \(outcome.cases)")
    }

    @Test func harnessCatchesOneWrongElement() throws {
        var table = KernelTable.emulatedWide
        let good = table.winogradInput
        table.winogradInput = { call in
            good(call)
            let element = call.pointee.transformed + 7 * call.pointee.elementStride
            for tile in 0..<call.pointee.tileRows * call.pointee.columns.tiles {
                element[tile * channelBlock] *= 1.001
            }
        }
        let outcomes = try KernelVerification.run(table, seed: Self.seed)
        let outcome = try #require(outcomes.first { $0.kernel.hasPrefix("winograd") })
        #expect(
            outcome.failures.count * 2 > outcome.cases, "\(outcome.failures.count) of \(outcome.cases)")
    }

    /// Maps of more tiles than an algorithm that works on tiles takes at a time.
    @Test func manyTilesMatchTheReference() throws {
        let texts = ["", ",stride2", ",bf16"].map { "conv:c20h37w41,k5r3s3,pad1,bias\($0)" }
        let layers = try texts.compactMap { text in
            if case .convolution(let layer) = try LayerProblem(text, subject: "test").layer {
                layer
            } else {
                nil
            }
        }
        #expect(layers.count == texts.count)
        let outcomes = try KernelVerification.run(
            KernelSelection.table(for: .detected), layers, poolings: 1, seed: Self.seed)
        let winograd = outcomes.filter { $0.kernel.hasPrefix("winograd") }
        #expect(winograd.map(\.cases) == [3, 1])
        #expect(
            winograd.allSatisfy { $0.failures.isEmpty && $0.worstError > 0 }, "seed \(Self.seed): \(winograd)"
        )
    }

    /// Small tiles of pairs where these have an instruction, never where the definition is asked for.
    @Test func smallTilesArePicked() throws {
        func picked(
            _ text: String, _ table: KernelTable, exact: Bool = false, chosen: [String] = []
        ) throws -> String {
            guard case .convolution(let layer) = try LayerProblem(text, subject: "test").layer else {
                throw EngineError(.internalError, "test", text)
            }
            let candidates = ConvolutionCandidates(
                table, filter: KernelFilter(chosen: chosen), exact: exact)
            return try candidates.choose(for: layer, node: "test").candidate.name
        }
        let wide = KernelTable.emulatedWide
        for shape in ["c64h56w56,k64", "c128h28w28,k128", "c256h14w14,k256", "c512h7w7,k512"] {
            #expect(try picked("conv:\(shape)r3s3,pad1,bf16", wide) == "winograd2x2.bf16.emulated")
            #expect(try picked("conv:\(shape)r3s3,pad1", wide) == "winograd4x4.f32.emulated")
            let exact = try picked("conv:\(shape)r3s3,pad1,bf16", wide, exact: true, chosen: ["winograd*"])
            #expect(exact.hasPrefix("conv3x3.bf16"))
        }
        #expect(
            try picked("conv:c64h28w28,k64r3s3,pad1,stride2,bf16", wide).hasPrefix("convnxns2.bf16"))
        // Where an instruction for pairs is lacking they are not worth it.
        let baseline = KernelSelection.table(for: .baseline)
        #expect(try picked("conv:c64h28w28,k64r3s3,pad1,bf16", baseline) == "winograd4x4.f32.baseline")
    }

    /// What rounding to bfloat16 explains is more, but not a wrong element.
    @Test func harnessCatchesOneWrongElementOfPairs() throws {
        var table = KernelTable.emulatedWide
        let good = table.winogradOfTwo.output
        table.winogradOfTwo.output = { call in
            var copy = call.pointee
            let element = UnsafeMutablePointer(mutating: copy.products + 5 * copy.elementStride)
            for block in copy.blocks {
                for tile in 0..<copy.tileRows * copy.columns.tiles {
                    element[block * copy.blockStride + tile * channelBlock] *= 2
                }
            }
            good(&copy)
        }
        let outcomes = try KernelVerification.run(table, seed: Self.seed)
        let outcome = try #require(outcomes.first { $0.kernel.hasPrefix("winograd2x2") })
        #expect(
            outcome.failures.count * 2 > outcome.cases, "\(outcome.failures.count) of \(outcome.cases)")
    }
}
