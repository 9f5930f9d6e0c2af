import Diagnostics
import Foundation
import Tensors
import Testing
import Topology

@testable import ResNetEngine

/// Where weights lie on machines of several NUMA nodes, which synthetic ones are: no result depends on it.
@Suite struct NUMATests {
    /// Two cores in two nodes.
    private let machine: Machine

    init() throws { machine = try Machine(synthetic: "numa:2 core:1 pu:1") }

    private func options(_ numa: NUMAPolicy) -> EngineOptions {
        var options = makeOptions(threads: 2)
        options.pin = .core
        options.numa = numa
        return options
    }

    @Test func policiesAreResolved() throws {
        func resolved(
            _ text: String, threads: Int = 2, pin: PinPolicy = .core, isPrepared: Bool = false,
            fits: Bool = true, allowed: CPUSet? = nil
        ) throws -> [NUMAPolicy] {
            let machine = try Machine(synthetic: text, allowed: allowed)
            let placement = try machine.placement(workers: threads, pin: pin)
            // auto, local, interleave, replicate.
            return NUMAPolicy.allCases.map {
                $0.resolved(placement, nodes: machine.usableNUMANodes, isPrepared: isPrepared) { fits }
            }
        }
        let (one, two) = ("numa:1 core:2 pu:1", "numa:2 core:1 pu:1")
        #expect(try resolved(one) == [.local, .local, .local, .local])
        #expect(try resolved(two) == [.replicate, .local, .interleave, .replicate])
        // Workers of one node alone, or of none.
        #expect(try resolved(two, threads: 1) == [.local, .local, .interleave, .local])
        #expect(try resolved(two, pin: .none) == [.local, .local, .interleave, .local])
        // Nodes that the process may not use.
        #expect(try resolved(two, allowed: CPUSet([1])) == [.local, .local, .local, .local])
        #expect(try resolved(two, isPrepared: true) == [.local, .local, .interleave, .replicate])
        #expect(try resolved(two, fits: false) == [.local, .local, .interleave, .replicate])
        #expect(NUMAPolicy.allCases.map { $0.copies(nodes: 2, isPrepared: false) } == [1, 1, 1, 2])
        #expect(NUMAPolicy.allCases.map { $0.copies(nodes: 2, isPrepared: true) } == [1, 1, 2, 3])
    }

    @Test(arguments: [BatchNormalizationMode.running, .batch])
    func resultsHaveTheSameBits(mode: BatchNormalizationMode) throws {
        let network = ResNet(
            blocks: 2, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        let input = try seededInput([5, 3, 19, 17])
        func prepared(_ numa: NUMAPolicy, executor: ExecutorKind = .dispatch) throws -> Engine {
            var options = self.options(numa)
            options.mode = mode
            options.executor = executor
            return try Engine(Model(network, seed: 3), options: options, machine: machine)
        }
        let local = try prepared(.local)
        let expected: Tensor = try local.score(input)
        for numa in NUMAPolicy.allCases {
            for executor in ExecutorKind.allCases {
                let engine = try prepared(numa, executor: executor)
                #expect(engine.numa == (numa == .auto ? .replicate : numa))
                let copies = engine.numa == .replicate ? 2 : 1
                #expect(engine.memory.packed == copies * local.memory.packed)
                // Twice, since workers come to images in another order.
                for _ in 0..<2 { #expect(try engine.score(input).values == expected.values, "\(numa)") }
                guard mode == .running else { continue }
                let one: Tensor = try engine.score(input.rows([4]))
                #expect(one.values == Array(expected.values.suffix(7)), "\(numa)")
            }
        }
    }

    @Test func preparedWeightsAreCopiedToo() throws {
        let network = ResNet(blocks: 2, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        let input = try seededInput([5, 3, 19, 17])
        let engine = try Engine(Model(network, seed: 3), options: options(.local), machine: machine)
        let expected: Tensor = try engine.score(input)
        let weights = try PreparedWeights(try engine.preparedWeights, subject: "prepared")
        for numa in NUMAPolicy.allCases {
            let other = try Engine(
                Model(network, prepared: weights), options: options(numa), machine: machine)
            #expect(try other.score(input).values == expected.values, "\(numa)")
            #expect(other.numa == (numa == .auto ? .local : numa))
            let copies = numa.copies(nodes: 2, isPrepared: true)
            #expect(other.memory.packed == copies * engine.memory.packed)
            #expect(try other.preparedWeights.names == engine.preparedWeights.names)
        }
    }

    @Test func memoryLimitsHoldForAllCopies() throws {
        let network = ResNet(blocks: 2, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        let model = try Model(network, seed: 3)
        let one = try Engine(model, options: options(.local), machine: machine).memory.total
        var limited = options(.auto)
        limited.maximumBytes = one
        #expect(try Engine(model, options: limited, machine: machine).numa == .local)
        limited.numa = .replicate
        let error = #expect(throws: EngineError.self) {
            try Engine(model, options: limited, machine: machine)
        }
        #expect(error?.code == .resource)
    }

    /// Each worker reads the copy of its own node, and who is alone takes all images: other weights in the second copy give
    /// other results.
    @Test func workersReadTheirOwnCopy() throws {
        let network = ResNet(blocks: 1, channels: 16, imageHeight: 9, imageWidth: 9, classes: 7)
        let table = KernelSelection.table(for: .detected)
        let planner = Planner(
            table: table, caches: WorkerCaches(first: 32 << 10, last: 512 << 10),
            candidates: ConvolutionCandidates(table))
        let models = try [1, 2].map { try Model(network, seed: $0) }
        let plans = try models.map { model in
            try planner.draft(
                RewrittenGraph(model.graph(), planner.candidates, table, planner.team)
            ).finished()
        }
        let placement = try machine.placement(workers: 2, pin: .core)
        #expect(placement.numaNodes == [0, 1])
        let run = try BatchRun(
            plans, placement: placement, executor: .dispatch, cpuCount: 2,
            lastCache: 32 << 20, workspace: Workspace(plans[0], slots: 2, rows: 3))
        var running = RunningStatistics(plans[0], models[0].weights)
        let input = try seededInput([3, 3, 9, 9])
        for slot in 0..<2 {
            var output = [Float](repeating: 0, count: 3 * 7)
            try input.withElements { source in
                try output.withUnsafeMutableBufferPointer { target in
                    let source = try #require(source.baseAddress)
                    try run.begin(rows: 3, input: source, output: try #require(target.baseAddress))
                    run.work(slot: slot)
                    run.finish(&running)
                }
            }
            let expected: Tensor = try Engine(models[slot], options: makeOptions()).score(input)
            #expect(output == expected.values, "slot \(slot)")
        }
    }

    /// What the system refuses is a warning, and the caller's mask is as it was.
    @Test func refusalsAreWarnings() throws {
        let far = try Machine(synthetic: "numa:3 core:1 pu:1", allowed: CPUSet([1, 2]))
        let network = ResNet(blocks: 2, channels: 64, imageHeight: 12, imageWidth: 12, classes: 7)
        let before = ThreadAffinity.Mask()?.cpus
        for numa in NUMAPolicy.allCases {
            let engine = try Engine(Model(network, seed: 3), options: options(numa), machine: far)
            #expect(ThreadAffinity.Mask()?.cpus == before)
            guard !FileManager.default.fileExists(atPath: "/sys/devices/system/node/node1") else { continue }
            #expect(engine.warnings.contains { $0.code == "numa-refused" } == (numa != .local), "\(numa)")
        }
    }

    /// A copy is memory of its own.
    @Test func copiesAreNotTheOriginals() throws {
        let originals = StepParameters()
        let first = try originals.buffer("a", count: 3, subject: "a") { $0[1] = 5 }
        let copies = StepParameters(copying: originals.entries)
        let copy = try copies.buffer("a", count: 3, subject: "a") { _ in Issue.record("computed again") }
        #expect(copy.pointer != first.pointer && Array(copy.elements) == [0, 5, 0])
        for originals in [originals.entries, copies.entries + copies.entries] {
            let error = #expect(throws: EngineError.self) {
                try StepParameters(copying: originals).buffer("b", count: 3, subject: "b") { _ in }
            }
            #expect(error?.code == .internalError)
        }
    }

    @Test func pagesAreDealtToNodesThatExist() throws {
        let buffer = try AlignedBuffer<Float>(count: 1 << 20)
        #expect(buffer.pages.count == buffer.byteCount)
        #expect(!NodeMemory.interleave(buffer.pages, over: []))
        #expect(!NodeMemory.interleave(buffer.pages, over: [-1]))
        #expect(!NodeMemory.interleave(buffer.pages, over: [1000]))
        func isThere(_ node: Int) -> Bool {
            FileManager.default.fileExists(atPath: "/sys/devices/system/node/node\(node)")
        }
        // Containers may refuse the call itself.
        guard isThere(0), NodeMemory.interleave(buffer.pages, over: [0]) else { return }
        #expect(buffer.elements.allSatisfy { $0 == 0 })
        // What is of the heap, or constant, or a part, has no pages of its own.
        #expect(try AlignedBuffer<Float>(count: 100).pages.isEmpty)
        #expect(buffer.part(0..<65536).pages.isEmpty)

        // Of several nodes those count that are there.
        for (nodes, isRefused) in [([0, 1], false), ([1000], true)] {
            let parameters = StepParameters(interleavedOver: nodes)
            _ = try parameters.buffer("small", count: 100, subject: "small") { _ in }
            #expect(!parameters.isPlacingRefused)
            let large = try parameters.buffer("large", count: 1 << 20, subject: "large") { $0[0] = 1 }
            #expect(large.pointer[0] == 1 && parameters.isPlacingRefused == isRefused)
        }
    }
}
