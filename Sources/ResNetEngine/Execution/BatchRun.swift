import Diagnostics
import Synchronization
import Topology

/// What one worker slot did last.
public struct WorkerRecord: Sendable, Hashable {
    /// The kernel's identifier of the thread that ran the slot.
    public var thread = 0
    /// The CPU it was seen on when it finished, -1 if unknown.
    public var cpu = -1
    /// Images it took in the last batch.
    public var images = 0
    /// Whether the thread was to be pinned and could not.
    public var pinFailed = false
}

/// One batch in flight: one fork, in which each worker slot takes images until none is left, phase by phase.
///
/// A worker takes images of its own while there are any; the last ones all workers walk through together, part of a
/// step by part of a step, so that they finish at the same time.
///
/// Workers meet between phases without a barrier: whoever completes the last image of a phase opens the next one,
/// and who finds no image waits only for images that running threads have taken. So a slot that has no thread yet
/// holds nobody up; it joins the phase that is open when it starts.
///
/// All memory is there before the first batch, and workers share nothing but counters: an instance serves one batch
/// at a time, which its owner's lock ensures.
final class BatchRun: @unchecked Sendable {
    private let plan: Plan
    private let placement: Placement
    private let executor: ExecutorKind
    /// CPUs that the process may use: more threads than these gain nothing.
    private let cpuCount: Int
    private let workspace: Workspace
    /// Hands out the images of each phase.
    private let cursors: [ShardCursors]
    /// The last images of each phase, and the steps that they go through.
    private let shared: [SharedImages]
    private let steps: [[any Step]]
    /// The first step of each phase, counted through all of them, and of each stage within its phase.
    private let firstSteps: [Int]
    private let stageStarts: [[Int]]
    /// Notes what workers do, where that is wanted.
    private var recorder: StepRecorder?
    private var sharedCount = 0
    private let records: UnsafeMutablePointer<WorkerRecord>
    private let failures = StepFailures()
    private var context: StepContext
    private var rows = 0
    /// The thread that runs batches, and its mask before any worker was pinned.
    private var conductor = 0
    private var conductorMask: ThreadAffinity.Mask?
    /// The phase that is open, and how many of its images are not complete. The order of all other memory operations
    /// between conductor and workers follows from these and `slotsFinished`.
    private let openPhase = Atomic<Int>(0)
    private let imagesLeft = Atomic<Int>(0)
    private let slotsFinished = Atomic<Int>(0)

    init(
        _ plan: Plan, placement: Placement, executor: ExecutorKind, cpuCount: Int, workspace: Workspace
    ) {
        self.plan = plan
        self.placement = placement
        self.executor = executor
        self.cpuCount = cpuCount
        self.workspace = workspace
        cursors = plan.phases.map { _ in
            ShardCursors(weights: placement.workers.map(\.weight), imageGroup: plan.imageGroup)
        }
        let steps = plan.phases.map { $0.stages.flatMap(\.steps) }
        self.steps = steps
        firstSteps = steps.indices.map { phase in steps[..<phase].reduce(0) { $0 + $1.count } }
        stageStarts = plan.phases.map { phase in
            phase.stages.indices.map { stage in phase.stages[..<stage].reduce(0) { $0 + $1.steps.count } }
        }
        shared = steps.map { SharedImages(capacity: workspace.shared.count, steps: $0.count) }
        records = .allocate(capacity: placement.workers.count)
        records.initialize(repeating: WorkerRecord(), count: placement.workers.count)
        context = StepContext(
            input: UnsafePointer(workspace.coefficients.pointer), output: workspace.coefficients.pointer,
            slotArena: workspace.coefficients.pointer, batchArena: workspace.batch.pointer, batchCapacity: 0,
            statistics: workspace.statistics.pointer, coefficients: workspace.coefficients.pointer,
            scratch: workspace.coefficients.pointer)
        context.failures = Unmanaged.passUnretained(failures)
    }

    deinit { records.deallocate() }

    var workerRecords: [WorkerRecord] {
        Array(UnsafeBufferPointer(start: records, count: placement.workers.count))
    }

    /// Runs `rows` images; `running` takes in the batch's statistics if the plan makes any.
    ///
    /// - Throws: `resource` when a larger batch needs memory that the system refuses, and what a step failed with.
    func run(
        rows: Int, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
        recorder: StepRecorder? = nil, _ running: inout RunningStatistics
    ) throws(EngineError) {
        self.recorder = recorder
        defer { self.recorder = nil }
        try begin(rows: rows, input: input, output: output)
        executor.perform(placement.workers.count, threads: cpuCount, self)
        if let failure = failures.take() { throw failure }
        finish(&running)
    }

    /// A recorder that holds all that one worker can do in a batch: `spare` if that has room.
    ///
    /// - Throws: `usage` for too many counters, `resource` when the system refuses the memory.
    func recorder(
        rows: Int, counters: [PerformanceEvent], spare: StepRecorder?
    ) throws(EngineError) -> StepRecorder {
        let (shared, parts) = sharing(rows: rows)
        var capacity = ByteCount(subject: "profile")
        try capacity.add(steps.reduce(0) { $0 + $1.count }, rows + shared * parts)
        let slots = placement.workers.count
        if let spare = spare?.reused(slots: slots, capacity: capacity.bytes, counters: counters) {
            return spare
        }
        return try StepRecorder(slots: slots, capacity: capacity.bytes, counters: counters)
    }

    /// How many images of a batch all workers share, and in how many parts each step of them.
    private func sharing(rows: Int) -> (images: Int, parts: Int) {
        let images = min(workspace.shared.count, rows)
        // Two parts a worker at least, however few the images.
        return (images, max(4, 2 * placement.workers.count / max(images, 1)))
    }

    /// Everything before the fork.
    func begin(
        rows: Int, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>
    ) throws(EngineError) {
        try workspace.reserve(rows: rows)
        context.input = input
        context.output = output
        context.batchArena = workspace.batch.pointer
        context.batchCapacity = workspace.batchCapacity
        context.statistics = workspace.statistics.pointer
        for slot in placement.workers.indices { records[slot] = WorkerRecord() }
        if placement.isPinned {
            conductor = CurrentThread.identifier
            conductorMask = ThreadAffinity.Mask()
        }
        self.rows = rows
        let (images, parts) = sharing(rows: rows)
        sharedCount = images
        for phase in cursors.indices {
            cursors[phase].deal(rows: rows - sharedCount)
            shared[phase].deal(count: sharedCount, parts: parts)
        }
        imagesLeft.store(rows, ordering: .relaxed)
        openPhase.store(0, ordering: .releasing)
    }

    /// Everything after it.
    func finish(_ running: inout RunningStatistics) {
        _ = slotsFinished.load(ordering: .acquiring)
        if plan.isBatchCoupled { running.update(plan, statistics) }
    }

    private var statistics: BatchStatistics {
        BatchStatistics(
            memory: UnsafePointer(workspace.statistics.pointer), capacity: workspace.batchCapacity, rows: rows
        )
    }

    /// Everything that a worker does in a batch. The thread's mask and floating-point mode are given back as they
    /// were found.
    func work(slot: Int) {
        let recorder = recorder
        recorder?.begin(slot)
        var phase = openPhase.load(ordering: .acquiring)
        let floatingPoint = FloatingPointMode.enterFlushToZero()
        let mask = pin(slot)
        var context = self.context
        context.slotArena = workspace.slots[slot].pointer
        context.scratch = workspace.scratch[slot].pointer
        var images = 0
        while true {
            while let group = cursors[phase].claim(slot: slot) {
                walk(group, phase, &context, slot, recorder)
                images += group.count
                complete(group.count, phase)
            }
            images += help(slot, phase, &context, recorder)
            if phase + 1 >= plan.phases.count { break }
            let start = recorder == nil ? 0 : StepRecorder.now()
            phase = awaitPhase(after: phase)
            recorder?.wait(slot, StepRecorder.now() - start)
        }
        records[slot].thread = CurrentThread.identifier
        records[slot].cpu = CurrentThread.cpu ?? -1
        records[slot].images = images
        if let mask { _ = ThreadAffinity.restore(mask) }
        FloatingPointMode.restore(floatingPoint)
        recorder?.end(slot)
        slotsFinished.add(1, ordering: .releasing)
    }

    /// Works on shared images until none has a part left; returns how many of them this worker completed.
    private func help(
        _ slot: Int, _ phase: Int, _ context: inout StepContext, _ recorder: StepRecorder?
    ) -> Int {
        let queue = shared[phase]
        let own = context.slotArena
        defer { context.slotArena = own }
        var images = 0
        var patience = Patience()
        while true {
            switch queue.claim(slot: slot) {
            case .part(let image, let step, let index):
                let row = rows - sharedCount + image
                context.slotArena = workspace.shared[image].pointer
                context.groupStart = row
                run(
                    step, phase, context, row..<row + 1, StepPart(index: index, count: queue.parts), slot,
                    recorder)
                if queue.finish(image: image) {
                    complete(1, phase)
                    images += 1
                }
                patience = Patience()
            case .wait:
                let start = recorder == nil ? 0 : StepRecorder.now()
                patience.wait()
                recorder?.wait(slot, StepRecorder.now() - start)
            case .none: return images
            }
        }
    }

    /// Notes images that went through a phase; the last ones open the next.
    private func complete(_ images: Int, _ phase: Int) {
        let left = imagesLeft.subtract(images, ordering: .acquiringAndReleasing).newValue
        if left == 0, phase + 1 < plan.phases.count { open(phase + 1) }
    }

    /// Opens a phase after the one before it is complete: its coefficients follow from the statistics so far.
    private func open(_ phase: Int) {
        for update in plan.phases[phase].prologue {
            statistics.fill(update, plan.records, into: workspace.coefficients.pointer)
        }
        imagesLeft.store(rows, ordering: .relaxed)
        openPhase.store(phase, ordering: .releasing)
    }

    /// Waits for the last images of a phase.
    private func awaitPhase(after phase: Int) -> Int {
        var patience = Patience()
        while true {
            let open = openPhase.load(ordering: .acquiring)
            if open > phase { return open }
            patience.wait()
        }
    }

    /// Binds the thread to the slot's CPU and returns the mask to give back.
    ///
    /// A pool's thread inherits the mask of the thread that made it, which may have been pinned by an earlier
    /// batch: such a thread gets the conductor's mask.
    private func pin(_ slot: Int) -> ThreadAffinity.Mask? {
        guard let cpu = placement.workers[slot].cpu else { return nil }
        guard var mask = ThreadAffinity.Mask(), ThreadAffinity.bind(toCPU: cpu) else {
            records[slot].pinFailed = true
            return nil
        }
        if CurrentThread.identifier != conductor, let conductorMask, isOneOfOurs(mask) {
            mask = conductorMask
        }
        return mask
    }

    private func isOneOfOurs(_ mask: ThreadAffinity.Mask) -> Bool {
        for worker in placement.workers {
            if let cpu = worker.cpu, mask.isOnly(cpu: cpu) { return true }
        }
        return false
    }

    /// Runs one step, or a part of it, and notes that.
    @inline(__always)
    private func run(
        _ step: Int, _ phase: Int, _ context: StepContext, _ images: Range<Int>, _ part: StepPart,
        _ slot: Int, _ recorder: StepRecorder?
    ) {
        guard let recorder else { return steps[phase][step].run(context, images: images, part: part) }
        recorder.note(slot, step: firstSteps[phase] + step, images: images, part: part) {
            steps[phase][step].run(context, images: images, part: part)
        }
    }

    /// Walks a group of images through a phase.
    private func walk(
        _ group: Range<Int>, _ phase: Int, _ context: inout StepContext, _ slot: Int,
        _ recorder: StepRecorder?
    ) {
        context.groupStart = group.lowerBound
        walk(group, phase, through: plan.phases[phase].stages.count, context, slot, recorder)
    }

    /// Walks images through the first `count` stages, as many at once as the last of them takes.
    private func walk(
        _ images: Range<Int>, _ phase: Int, through count: Int, _ context: StepContext, _ slot: Int,
        _ recorder: StepRecorder?
    ) {
        guard count > 0 else { return }
        let stage = count - 1
        let size = plan.phases[phase].stages[stage].images
        let steps =
            stageStarts[phase][stage]..<stageStarts[phase][stage]
            + plan.phases[phase].stages[stage].steps.count
        var start = images.lowerBound
        while start < images.upperBound {
            let piece = start..<min(start + size, images.upperBound)
            walk(piece, phase, through: stage, context, slot, recorder)
            for step in steps { run(step, phase, context, piece, .whole, slot, recorder) }
            start = piece.upperBound
        }
    }
}
