import CAllocationCounter
import CTopology
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import ResNetEngine

/// Threads, masks and the heap. Counters and masks are those of single threads: other tests do not disturb them.
@Suite(.serialized) struct SchedulingTests {
    @Test func everyImageIsClaimedOnce() {
        for (slots, rows) in [(1, 0), (1, 7), (2, 1), (3, 32), (7, 33), (16, 1000)] {
            let cursors = ShardCursors(weights: (0..<slots).map { Double($0 % 3 + 1) }, imageGroup: 4)
            for _ in 0..<20 {
                cursors.deal(rows: rows)
                let claimed = Mutex<[Int]>([])
                DispatchQueue.concurrentPerform(iterations: slots) { slot in
                    while let images = cursors.claim(slot: slot) {
                        #expect((1...4).contains(images.count))
                        claimed.withLock { $0 += Array(images) }
                    }
                }
                #expect(claimed.withLock { $0.sorted() } == Array(0..<rows))
            }
        }
    }

    private struct Passes: Step {
        let count: Int

        func run(_ context: StepContext, images: Range<Int>, part: StepPart) {}
        func passes(images: Int, parts: Int) -> Int { count }
    }

    /// Every part runs once, and none before the pass ahead of it is complete.
    @Test(arguments: [(1, 1), (1, 5), (2, 3), (3, 4), (8, 3)])
    func partsKeepTheOrderOfPasses(slots: Int, passes: Int) {
        let joint = JointStep(mostParts: StepDivision.mostParts(slots))
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1)
        defer { memory.deallocate() }
        let division = StepDivision(Passes(count: passes), images: 1, workers: slots)
        #expect(division.count == 2 * slots * passes)
        let isOver = Atomic<Bool>(false)
        let finished = Mutex<[Int]>([])
        @Sendable func help(_ slot: Int) {
            while let index = joint.claim(slot, of: slots) {
                let work = joint.work
                joint.wait(forParts: work.division.partsBefore(index))
                let part = work.division[index, of: work.images].part
                #expect(part.passes == passes && part.count == 2 * slots)
                finished.withLock {
                    #expect($0.prefix(part.pass).allSatisfy { $0 == part.count })
                    $0[part.pass] += 1
                }
                joint.finishPart()
            }
        }
        nonisolated(unsafe) let work = JointStep.Work(
            phase: 0, step: 0, images: 0..<1, groupStart: 0, arena: memory, scratch: memory,
            division: division)
        DispatchQueue.concurrentPerform(iterations: slots) { slot in
            guard slot == 0 else {
                while !isOver.load(ordering: .acquiring) { help(slot) }
                return
            }
            for _ in 0..<200 {
                finished.withLock { $0 = Array(repeating: 0, count: passes) }
                joint.open(work)
                help(slot)
                joint.wait(forParts: division.count)
                #expect(finished.withLock { $0.allSatisfy { $0 == 2 * slots } })
            }
            isOver.store(true, ordering: .releasing)
        }
    }

    /// A worker takes its own share of each pass first, then what is left of others'.
    @Test func sharesStayWithTheirWorkers() {
        let joint = JointStep(mostParts: StepDivision.mostParts(2))
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1)
        defer { memory.deallocate() }
        let work = JointStep.Work(
            phase: 0, step: 0, images: 0..<1, groupStart: 0, arena: memory, scratch: memory,
            division: StepDivision(Passes(count: 2), images: 1, workers: 2))
        #expect(joint.claim(0, of: 2) == nil)
        for _ in 0..<3 {
            joint.open(work)
            #expect((0..<5).map { joint.claim($0 == 0 ? 1 : 0, of: 2) } == [2, 0, 1, 3, 4])
            #expect((0..<4).map { _ in joint.claim(1, of: 2) } == [6, 7, 5, nil])
        }
    }

    /// Images that are enough for all are not cut, and each is in one part.
    @Test(arguments: [(4, 2), (5, 2), (16, 3), (7, 2)])
    func manyImagesAreCutByImage(images: Int, workers: Int) {
        let division = StepDivision(Passes(count: 1), images: images, workers: workers)
        let pieces = (0..<division.count).map { division[$0, of: 10..<10 + images] }
        #expect(pieces.allSatisfy { $0.part.count == 1 })
        #expect(pieces.flatMap { Array($0.images) } == Array(10..<10 + images))
    }

    @Test func groupsAreEven() {
        let cursors = ShardCursors(weights: [2], imageGroup: 4)
        cursors.deal(rows: 14)
        var sizes: [Int] = []
        while let images = cursors.claim(slot: 0) { sizes.append(images.count) }
        #expect(sizes == [4, 4, 3, 3])
    }

    @Test func shardsFollowWeights() {
        let cursors = ShardCursors(weights: [3, 1], imageGroup: 1)
        cursors.deal(rows: 40)
        var first: [Int] = []
        for _ in 0..<30 { first += cursors.claim(slot: 0).map(Array.init) ?? [] }
        #expect(first == Array(0..<30))
        #expect(cursors.claim(slot: 1) == 30..<31)
    }

    /// No heap allocation on the thread that asks for a batch, whatever the executor allocates to fork.
    @Test(arguments: BatchNormalizationMode.allCases, ExecutorKind.allCases)
    func callersAllocateNothing(mode: BatchNormalizationMode, executor: ExecutorKind) throws {
        try #require(callocation_counter_is_active() == 1)
        let model = try Model(ResNet(blocks: 2, channels: 40, imageHeight: 18, imageWidth: 19), seed: 1)
        for threads in [1, 2] {
            let engine = try Engine(
                model, options: makeOptions(threads: threads, executor: executor, mode: mode))
            let counts = try allocations(rows: 32, of: model) { source, target throws(EngineError) in
                try engine.score(rows: 32, input: source, output: target)
            }
            #expect(counts.allSatisfy { $0 == 0 }, "\(threads) threads: \(counts)")
        }
        // The counter counts.
        let before = callocation_counter_thread()
        let blocks = (0..<7).map { UnsafeMutableRawPointer.allocate(byteCount: 100 + $0, alignment: 16) }
        #expect(callocation_counter_thread() >= before + 7)
        blocks.forEach { $0.deallocate() }
    }

    /// No heap allocation in all that the engine does for a batch: its one worker runs on this thread, without a fork.
    @Test(arguments: BatchNormalizationMode.allCases, machineLevels)
    func workersAllocateNothing(mode: BatchNormalizationMode, isa: ISALevel) throws {
        try #require(callocation_counter_is_active() == 1)
        for precision in Precision.allCases where mode == .running || precision == .float32 {
            try checkWorker(
                ResNet(blocks: 2, channels: 40, imageHeight: 18, imageWidth: 19), mode, isa, precision)
            // With a stem, poolings, strides and groups.
            try checkWorker(
                makePreset("resnext50_32x4d", channels: 16, height: 40, width: 33), mode, isa, precision)
        }
    }

    private func checkWorker(
        _ network: ResNet, _ mode: BatchNormalizationMode, _ isa: ISALevel, _ precision: Precision
    ) throws {
        let model = try Model(network, seed: 1)
        let planner = Planner(
            table: KernelSelection.table(for: isa),
            caches: WorkerCaches(first: 32 << 10, last: 512 << 10),
            candidates: ConvolutionCandidates(KernelSelection.table(for: isa)), precision: precision)
        let plan = try planner.draft(
            RewrittenGraph(model.graph(mode: mode), planner.candidates, planner.table, planner.team)
        ).finished()
        let placement = try Machine.detect().placement(workers: 1, pin: .core)
        let run = try BatchRun(
            [plan], placement: placement, executor: .dispatch, cpuCount: 1,
            lastCache: 32 << 20, workspace: Workspace(plan, slots: 1, rows: 32))
        var running = RunningStatistics(plan, model.weights)
        let counts = try allocations(rows: 32, of: model) { source, target throws(EngineError) in
            guard let source = source.baseAddress, let target = target.baseAddress else { return }
            try run.begin(rows: 32, input: source, output: target)
            run.work(slot: 0)
            run.finish(&running)
        }
        #expect(counts.allSatisfy { $0 == 0 }, "\(counts)")
        #expect(run.workerRecords[0].images == 32 * plan.phases.count)
    }

    /// Allocations of this thread in each of 20 runs of `body`, after 5 to warm up.
    private func allocations(
        rows: Int, of model: Model,
        _ body: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws(EngineError) -> Void
    ) throws -> [UInt64] {
        let shape = model.architecture.inputShape
        let input = try seededInput([rows, shape.channels, shape.height, shape.width]).values
        var output = [Float](repeating: 0, count: rows * 10)
        var counts = [UInt64](repeating: 0, count: 20)
        try input.withUnsafeBufferPointer { source in
            try output.withUnsafeMutableBufferPointer { target in
                for _ in 0..<5 { try body(source, target) }
                for index in counts.indices {
                    let before = callocation_counter_thread()
                    try body(source, target)
                    counts[index] = callocation_counter_thread() - before
                }
            }
        }
        return counts
    }

    @Test(arguments: BatchNormalizationMode.allCases, ExecutorKind.allCases)
    func masksAndModesAreRestored(mode: BatchNormalizationMode, executor: ExecutorKind) throws {
        let before = try #require(ThreadAffinity.Mask()).cpus
        let model = try Model(ResNet(blocks: 1, channels: 16, imageHeight: 9, imageWidth: 9), seed: 1)
        let engine = try Engine(
            model, options: makeOptions(threads: 2, executor: executor, mode: mode, pin: .core))
        let input = try seededInput([16, 3, 9, 9])
        for _ in 0..<10 { let _: Tensor = try engine.score(input) }
        #expect(try #require(ThreadAffinity.Mask()).cpus == before)
        #expect(!Self.flushesDenormals())
        // Threads of the pool, which did the work, have their masks and modes back as well.
        let masks = Mutex<Set<CPUSet>>([])
        DispatchQueue.concurrentPerform(iterations: 64) { _ in
            usleep(500)
            #expect(!Self.flushesDenormals())
            if let mask = ThreadAffinity.Mask() { _ = masks.withLock { $0.insert(mask.cpus) } }
        }
        #expect(masks.withLock { $0 } == [before])
        // A failed pin is a warning, not an error: the records would say so.
        #expect(engine.workerRecords.allSatisfy { !$0.pinFailed })
    }

    /// Whether this thread rounds denormals to zero, tried out at run time.
    @inline(never) private static func flushesDenormals() -> Bool {
        let smallest = UnsafeMutablePointer<Float>.allocate(capacity: 1)
        defer { smallest.deallocate() }
        smallest.initialize(to: .leastNonzeroMagnitude)
        return smallest.pointee + smallest.pointee == 0
    }

    @Test func pinnedWorkersRunWhereTheyShould() throws {
        let engine = try Engine(
            Model(ResNet(blocks: 1, channels: 32), seed: 1),
            options: makeOptions(threads: Machine.detect().usableWorkerCount, pin: .core))
        let _: Tensor = try engine.score(seededInput([32, 3, 28, 28]))
        for (worker, record) in zip(engine.placement.workers, engine.workerRecords) where record.images > 0 {
            #expect(record.cpu == worker.cpu)
        }
        #expect(engine.workerRecords.reduce(0) { $0 + $1.images } == 32)
    }

    /// Denormal activations are flushed inside a batch.
    @Test func denormalsAreFlushedInWorkers() throws {
        var weights = try Model(
            ResNet(blocks: 1, channels: 1, imageHeight: 1, imageWidth: 1, classes: 1), seed: 0
        ).weights
        for name in weights.names {
            guard var tensor = weights.tensor(name) else { continue }
            let value: Float = name.hasSuffix("weight") ? 1 : name.hasSuffix("var") ? 1 : 0
            try tensor.withMutableElements { elements throws(EngineError) in elements.update(repeating: value)
            }
            weights[name] = .tensor(tensor)
        }
        let model = try Model(
            ResNet(blocks: 1, channels: 1, imageHeight: 1, imageWidth: 1, classes: 1), weights: weights)
        let input = try Tensor(shape: [1, 3, 1, 1], values: [0x1p-130, 0x1p-130, 0x1p-130])
        let output: Tensor = try Engine(model, options: makeOptions()).score(input)
        #expect(output.values == [0])
    }
}
