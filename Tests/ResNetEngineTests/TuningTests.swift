import Diagnostics
import Kernels
import Synchronization
import Tensors
import Testing

@testable import ResNetEngine

/// Kernels chosen by measurement: among those that give the same bits, and kept from one time to the next.
@Suite struct TuningTests {
    /// A cache in memory.
    private final class Memory: TuningCache {
        let records: Mutex<[String: [String: Int]]>
        let additions = Mutex(0)
        let failure: EngineError?

        init(_ records: [String: [String: Int]] = [:], failure: EngineError? = nil) {
            self.records = Mutex(records)
            self.failure = failure
        }

        func read() throws(EngineError) -> [String: [String: Int]] {
            if let failure { throw failure }
            return records.withLock { $0 }
        }

        func add(_ new: [String: [String: Int]]) throws(EngineError) {
            if let failure { throw failure }
            additions.withLock { $0 += 1 }
            records.withLock { $0.merge(new) { _, new in new } }
        }
    }

    /// What tuning relies on: of any two candidates of one class, each gives every bit that the other gives, whatever the
    /// caches that their loops are cut for.
    @Test(arguments: machineLevels)
    func oneClassHasOneResult(isa: ISALevel) throws {
        let table = KernelSelection.table(for: isa)
        let layers = ConvolutionLayer.sweep(
            widths: [1, 2, 3, 6, 7, 13, 28], channels: [1, 3, 15, 16, 17, 64, 65, 130],
            filters: [1, 16, 17, 31, 32, 33, 64, 65])
        var compared = Set<Substring>()
        for (index, layer) in layers.enumerated() {
            let able = ConvolutionCandidates(table).all.filter { $0.support(layer) == .yes }
            for (name, members) in Dictionary(grouping: able, by: \.numericClass) where members.count > 1 {
                let bytes = [512 << 10, 16 << 10, 2 << 10, 256][index % 4]
                let expected = try memory(members[0], layer, table, cacheBytes: 512 << 10, seed: index)
                for member in members {
                    let result = try memory(member, layer, table, cacheBytes: bytes, seed: index)
                    #expect(result == expected, "\(member.name), \(members[0].name): \(layer), class \(name)")
                    compared.insert(member.name.prefix { $0 != "." })
                }
            }
        }
        let names: Set<Substring> = [
            "conv3x3", "conv1x1few", "conv1x1", "convnxn", "conv3x3planar", "convnxnplanar",
        ]
        #expect(compared.isSuperset(of: names))
    }

    /// All memory after one image by one candidate: results, notes of statistics, and what must not be touched.
    private func memory(
        _ candidate: any ConvolutionCandidate, _ layer: ConvolutionLayer, _ table: KernelTable,
        cacheBytes: Int, seed: Int
    ) throws -> [UInt32] {
        var random = SeededRandom(seed: UInt64(seed))
        let geometry = layer.geometry
        var operation = try Convolution2D(
            geometry, weight: random.tensor(geometry.weightShape),
            bias: random.tensor([geometry.outputChannels]), node: "test")
        operation.rectifies = layer.rectifies
        operation.addsResidual = layer.residual != .none
        let memory = TrialMemory()
        let halo = max(geometry.paddingHeight, geometry.paddingWidth)
        let source = memory.reserve(layer.input, layer.layout, halo: halo)
        let target = memory.reserve(layer.outputShape, halo: layer.width % 2)
        let residual = layer.residual == .apart ? memory.reserve(layer.outputShape, halo: 2) : target
        let notes = seed % 3 == 0 ? memory.reserveNotes(layer.outputShape) : nil
        let context = StepPlanningContext(
            node: "test", table: table, inputs: [source, residual], output: target, statistics: notes,
            caches: WorkerCaches(first: cacheBytes / 4, last: cacheBytes))
        memory.scratchCount = try candidate.scratchCount(operation, context)
        let step = try candidate.step(operation, context)
        let running = try memory.context()
        _ = memory.fill(source, running, &random)
        if layer.residual != .none { _ = memory.fill(residual, halo: false, running, &random) }
        step.run(running, images: 0..<1)
        let end = (notes ?? (layer.residual == .apart ? residual : target))
        return (0..<end.offset + end.elementCount).map { running.slotArena[$0].bitPattern }
    }

    private func kernels(_ engine: Engine) -> [String] { engine.steps.map(\.kernel) }

    private func bits(_ engine: Engine, _ input: Tensor) throws -> [UInt32] {
        let output: Tensor = try engine.score(input)
        return output.values.map(\.bitPattern)
    }

    /// Whatever is measured, results keep their bits: here the last kernel of every class is said to be the fastest.
    @Test(arguments: machineLevels, [BatchNormalizationMode.running, .batch])
    func tunedResultsKeepTheirBits(isa: ISALevel, mode: BatchNormalizationMode) throws {
        for name in ["resnet50", "resnext50_32x4d"] {
            let model = try Model(makePreset(name, channels: 16, height: 61, width: 45), seed: 3)
            let input = try seededInput([5, 3, 61, 45])
            var options = makeOptions(threads: 2, isa: isa, mode: mode)
            let plain = try Engine(model, options: options)
            let expected = try bits(plain, input)

            let cache = Memory()
            options.tuning = KernelTuning(cache: cache)
            let tuned = try Engine(model, options: options)
            #expect(try bits(tuned, input) == expected)
            #expect(tuned.warnings == plain.warnings)

            let order = ConvolutionCandidates(KernelSelection.table(for: isa)).all.map(\.name)
            let turned = cache.records.withLock { records in
                records.mapValues { times in
                    let last = times.keys.max {
                        order.firstIndex(of: $0) ?? 0 < order.firstIndex(of: $1) ?? 0
                    }
                    return Dictionary(
                        uniqueKeysWithValues: times.map { ($0.key, $0.key == last ? 100 : 131) })
                }
            }
            let other = Memory(turned)
            options.tuning = KernelTuning(cache: other)
            let reversed = try Engine(model, options: options)
            #expect(kernels(reversed) != kernels(plain))
            #expect(try bits(reversed, input) == expected)
            #expect(
                reversed.steps.flatMap(\.rejected).contains { $0.reason == "measured 1.31 times as long" })
            #expect(other.additions.withLock { $0 } == 0, "measured what was known")
        }
    }

    @Test func everyProblemIsMeasuredOnce() throws {
        let model = try Model(makePreset("resnet50", channels: 16, height: 33, width: 33), seed: 3)
        var options = makeOptions(isa: .baseline)
        let cache = Memory()
        let progress = Mutex<[(done: Int, total: Int)]>([])
        options.tuning = KernelTuning(cache: cache) { done, total in
            progress.withLock { $0.append((done, total)) }
        }
        let first = try Engine(model, options: options)
        let problems = cache.records.withLock { $0 }
        let measured = first.steps.filter { $0.rejected.contains { $0.reason.hasPrefix("measured") } }
        #expect(measured.count > problems.count && !problems.isEmpty)
        #expect(problems.values.allSatisfy { $0.count > 1 && $0.values.allSatisfy { $0 > 0 } })
        // Once before each, and once at the end.
        let heard = progress.withLock { $0 }
        #expect(heard.count == problems.count + 1)
        #expect(heard.last.map { $0.done == $0.total } == true)
        #expect(zip(heard, heard.dropFirst()).allSatisfy { $0.done <= $1.done })

        #expect(try kernels(Engine(model, options: options)) == kernels(first))
        // Another process.
        options.tuning = KernelTuning(cache: cache)
        #expect(try kernels(Engine(model, options: options)) == kernels(first))
        #expect(cache.additions.withLock { $0 } == 1)

        // Other candidates make another problem, and so does what a cache says about some of them only.
        options.kernels.forbidden = ["conv1x1.*"]
        _ = try Engine(model, options: options)
        #expect(cache.additions.withLock { $0 } == 2)
        options.kernels.forbidden = []
        let partial = Memory(problems.mapValues { times in times.filter { $0.key != times.keys.min() } })
        options.tuning = KernelTuning(cache: partial)
        _ = try Engine(model, options: options)
        #expect(partial.additions.withLock { $0 } == 1)
        #expect(partial.records.withLock { $0.keys } == problems.keys)
    }

    @Test func cachesThatFailAreWarnings() throws {
        let model = try Model(ResNet(blocks: 1, channels: 16, imageHeight: 9, imageWidth: 9), seed: 0)
        var options = makeOptions()
        options.exact = true
        let plain = try Engine(model, options: options)
        options.tuning = KernelTuning(
            cache: Memory(failure: EngineError(.badData, "file", "nonsense", expected: "times")))
        let engine = try Engine(model, options: options)
        let news = engine.warnings.filter { !plain.warnings.contains($0) }
        // One warning for reading and writing.
        #expect(news.map(\.message) == ["ignored: file: nonsense, expected times"])
        #expect(news.allSatisfy { $0.code == "tuning" })
        let input = try seededInput([2, 3, 9, 9])
        #expect(try bits(engine, input) == bits(plain, input))
    }

    /// What cannot be measured keeps the estimate's choice, and is tried once.
    @Test func failuresAreWarnings() {
        let tuning = KernelTuning()
        var tries = 0
        func times() -> [Int]? {
            tuning.times(of: ["a", "b"], for: "problem") { () throws(EngineError) in
                tries += 1
                throw EngineError(.resource, "problem", "too large")
            }
        }
        #expect(times() == nil && times() == nil && tries == 1)
        #expect(tuning.finish().map(\.message) == ["not measured: problem: too large"])
    }

    /// Noise decides nothing: what is as fast as the first of the list gives way to it.
    @Test(arguments: [
        ([100, 100, 100], "a"), ([102, 100, 101], "a"), ([103, 100, 101], "b"), ([300, 102, 100], "b"),
        ([300, 200, 100], "c"),
    ])
    func theFirstOfTheFastestIsPicked(nanoseconds: [Int], picked: String) {
        let times = KernelTimes(kernels: ["a", "b", "c"], nanoseconds: nanoseconds)
        #expect(times.picked == picked)
        #expect(times.reason(against: "d") == nil)
        #expect(times.reason(against: picked) == "measured 1.0 times as long")
    }

    /// A layer that would not fit the memory is not measured, and a large one in part.
    @Test func largeLayersAreBounded() throws {
        var heights: [Int] = []
        func compare(_ text: String) throws {
            guard case .convolution(let layer) = try LayerProblem(text, subject: "test").layer else { return }
            _ = try KernelComparison(layer) { problem in
                guard case .convolution(let part) = problem.layer else { return [] }
                heights.append(part.height)
                return []
            }
        }
        try compare("conv:c64h56w56,k64r3s3,pad1")
        try compare("conv:c64h800w300,k128r3s3,pad1")
        try compare("conv:c512h3w3000,k256r7s7")
        #expect(heights.count == 3 && heights[0] == 56 && (1...10).contains(heights[1]))
        for text in ["conv:c20000h9w9,k20000r3s3", "conv:c16h9w99999999,k16r1"] {
            let error = #expect(throws: EngineError.self) { try compare(text) }
            #expect(error?.code == .resource)
        }
    }
}
