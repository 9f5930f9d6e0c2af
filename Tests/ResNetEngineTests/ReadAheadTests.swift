import Testing

@testable import Kernels
@testable import ResNetEngine

/// Weights that are asked for before the step that reads them.
@Suite struct ReadAheadTests {
    private struct Asking: Step {
        let linesAhead: Int

        func run(_ context: StepContext, images: Range<Int>, part: StepPart) {}
    }

    private struct Reading: Step {
        nonisolated(unsafe) let weights: UnsafeBufferPointer<Float>

        func run(_ context: StepContext, images: Range<Int>, part: StepPart) {}
        func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> {
            UnsafeBufferPointer(rebasing: weights[part.rows(of: weights.count)])
        }
    }

    /// The step right before asks for the start of each part's weights, the one before that for what follows, up to a half of the
    /// cache; and a step asks for one later step.
    @Test func stepsAskForWhatFollows() throws {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64 * channelBlock)
        defer { memory.deallocate() }
        let reading = Reading(weights: UnsafeBufferPointer(memory))
        let steps: [any Step] = [
            Asking(linesAhead: 40), Asking(linesAhead: 0), Asking(linesAhead: 16), reading,
        ]
        for (cache, expected) in [(1 << 20, [(4, 14), nil, (0, 4)]), (64 * 64, [(4, 8), nil, (0, 4)])]
            as [(Int, [(Int, Int)?])]
        {
            let ahead = ReadAhead([steps], lastCache: cache)
            for index in 0..<4 {
                let part = StepPart(index: index, count: 4)
                let start = try #require(reading.weightsRead(by: part).baseAddress)
                for (step, lines) in expected.enumerated() {
                    let own = ahead.lines(phase: 0, step: step, part: part, steps)
                    #expect(own?.next == lines.map { start + $0.0 * channelBlock })
                    #expect(own?.end == lines.map { start + $0.1 * channelBlock }, "\(step), \(cache)")
                }
                #expect(ahead.lines(phase: 0, step: 3, part: part, steps) == nil)
            }
        }
    }

    /// Parts of Winograd's products, of direct convolutions and of linear layers read all weights, each once.
    @Test(arguments: machineLevels, [2, 4, 6, 34, 38, 78, 200])
    func partsReadAllWeights(isa: ISALevel, count: Int) throws {
        let table = KernelSelection.table(for: isa)
        var kinds = Set<String>()
        for skipped in ["", "winograd*"] {
            let candidates = ConvolutionCandidates(
                table, filter: skipped.isEmpty ? KernelFilter() : KernelFilter(forbidden: [skipped]))
            let planner = Planner(
                table: table, caches: WorkerCaches(first: 4 << 10, last: 8 << 10), candidates: candidates)
            let model = try Model(makePreset("resnet18", channels: 32, height: 64, width: 64), seed: 1)
            let plan = try planner.draft(
                RewrittenGraph(model.graph(), planner.candidates, table, planner.team)
            ).finished()
            for outer in plan.phases.flatMap(\.stages).flatMap(\.steps) {
                let step = Mirror(reflecting: outer).descendant("step") as? any Step ?? outer
                let parts = (0..<count).map { step.weightsRead(by: StepPart(index: $0, count: count)) }
                let own = parts.filter { !$0.isEmpty }
                guard let first = own.first?.baseAddress else { continue }
                var end = first
                for part in own {
                    #expect(part.baseAddress == end)
                    end += part.count
                }
                let size = Mirror(reflecting: step).children.compactMap { $0.value as? PackedConvolution }
                    .first?.weightCount
                if let size { #expect(end - first == size) }
                kinds.insert("\(type(of: step))")
            }
        }
        #expect(kinds.isSuperset(of: ["WinogradStep", "ConvolutionStep", "LinearStep"]), "\(kinds)")
    }

    /// A step that clears a halo first is cut as the step itself.
    @Test func clearingAHaloHidesNothing() {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 64)
        defer { memory.deallocate() }
        var output = TensorPlacement(
            shape: FeatureShape(channels: 16, height: 4, width: 4), layout: .blocked, halo: 1, scope: .worker)
        output.clearsHalo = true
        let asking = HaloClearing.around(Asking(linesAhead: 7), output: output)
        #expect(asking is HaloClearing && asking.linesAhead == 7 && asking.passes(images: 1, parts: 4) == 1)
        let reading = HaloClearing.around(Reading(weights: UnsafeBufferPointer(memory)), output: output)
        #expect(reading.weightsRead(by: StepPart(index: 1, count: 4)).count == 16)
    }
}
