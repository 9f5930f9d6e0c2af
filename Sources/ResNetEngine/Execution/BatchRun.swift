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
/// A worker takes images of its own while there are any; then it takes parts of the steps that others are at, so that all
/// finish at the same time.
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
    /// What each worker is at while others wait.
    private let joint: [JointStep]
    /// Those of all phases, by the copy of the weights that they read; and the copy of each worker.
    private let copies: [[[any Step]]]
    private let copyOfSlot: [Int]
    /// The first step of each phase, counted through all of them, and of each stage within its phase.
    private let firstSteps: [Int]
    private let stageStarts: [[Int]]
    /// Notes what workers do, where that is wanted.
    private var recorder: StepRecorder?
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
    /// Workers that have no images left.
    private let idle = Atomic<Int>(0)
    private let readAhead: ReadAhead

    /// - Parameters:
    ///   - copies: the plan, its weights in one NUMA node after the other, in the order of the placement's.
    ///   - lastCache: bytes of the workers' last cache.
    init(
        _ copies: [Plan], placement: Placement, executor: ExecutorKind, cpuCount: Int, lastCache: Int,
        workspace: Workspace
    ) {
        let plan = copies[0]
        self.plan = plan
        self.placement = placement
        self.executor = executor
        self.cpuCount = cpuCount
        self.workspace = workspace
        cursors = plan.phases.map { _ in
            ShardCursors(weights: placement.workers.map(\.weight), imageGroup: plan.imageGroup)
        }
        self.copies = copies.map { $0.phases.map { $0.stages.flatMap(\.steps) } }
        let steps = self.copies[0]
        let nodes = placement.numaNodes
        copyOfSlot = placement.workers.map { worker in
            copies.count > 1 ? worker.numaNode.flatMap(nodes.firstIndex) ?? 0 : 0
        }
        firstSteps = steps.indices.map { phase in steps[..<phase].reduce(0) { $0 + $1.count } }
        stageStarts = plan.phases.map { phase in
            phase.stages.indices.map { stage in phase.stages[..<stage].reduce(0) { $0 + $1.steps.count } }
        }
        joint = placement.workers.map { _ in
            JointStep(mostParts: StepDivision.mostParts(placement.workers.count))
        }
        readAhead = ReadAhead(steps, lastCache: lastCache)
        records = .allocate(capacity: placement.workers.count)
        records.initialize(repeating: WorkerRecord(), count: placement.workers.count)
        context = StepContext(
            input: UnsafePointer(workspace.coefficients.pointer), output: workspace.coefficients.pointer,
            slotArena: workspace.coefficients.pointer, batchArena: workspace.batch.pointer, batchCapacity: 0,
            statistics: workspace.statistics.pointer, coefficients: workspace.coefficients.pointer,
            scratch: workspace.coefficients.pointer, jointScratch: workspace.coefficients.pointer)
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
        // Each image by itself, and the parts that a worker may take of those in work when the first one runs dry, of
        // which it takes its share.
        var capacity = ByteCount(subject: "profile")
        let slots = placement.workers.count
        // Of three passes, where all share an image.
        let shared = 3 * StepDivision.mostParts(min(slots, cpuCount))
        try capacity.add(
            copies[0].reduce(0) { $0 + $1.count },
            rows + max(64 * min(rows, slots * plan.imageGroup), shared))
        if let spare = spare?.reused(slots: slots, capacity: capacity.bytes, counters: counters) {
            return spare
        }
        return try StepRecorder(slots: slots, capacity: capacity.bytes, counters: counters)
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
        for phase in cursors.indices { cursors[phase].deal(rows: rows) }
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
        context.jointScratch = context.scratch
        var images = 0
        while true {
            while let group = cursors[phase].claim(slot: slot) {
                walk(group, phase, &context, slot, recorder)
                images += group.count
                complete(group.count, phase)
            }
            help(slot, phase, context, recorder)
            if phase + 1 >= plan.phases.count { break }
            phase = openPhase.load(ordering: .acquiring)
        }
        records[slot].thread = CurrentThread.identifier
        records[slot].cpu = CurrentThread.cpu ?? -1
        records[slot].images = images
        if let mask { _ = ThreadAffinity.restore(mask) }
        FloatingPointMode.restore(floatingPoint)
        recorder?.end(slot)
        slotsFinished.add(1, ordering: .releasing)
    }

    /// Takes parts of other workers' steps until all images are through the phase.
    private func help(_ slot: Int, _ phase: Int, _ context: StepContext, _ recorder: StepRecorder?) {
        idle.add(1, ordering: .relaxed)
        defer { idle.subtract(1, ordering: .relaxed) }
        var patience = Patience()
        while !isComplete(phase) {
            var found = false
            for offset in 1..<max(joint.count, 1) {
                let other = joint[(slot + offset) % joint.count]
                guard let index = other.claim(joint.count - offset, of: joint.count) else { continue }
                found = true
                takePart(index, of: other, context, slot, recorder)
            }
            if found {
                patience = Patience()
            } else {
                let start = recorder == nil ? 0 : StepRecorder.now()
                patience.wait()
                recorder?.wait(slot, StepRecorder.now() - start)
            }
        }
    }

    /// Runs a part that was claimed, as its owner would.
    private func takePart(
        _ index: Int, of joint: JointStep, _ context: StepContext, _ slot: Int, _ recorder: StepRecorder?
    ) {
        let work = joint.work
        var context = context
        context.slotArena = work.arena
        context.jointScratch = work.scratch
        context.groupStart = work.groupStart
        joint.wait(forParts: work.division.partsBefore(index))
        let (images, part) = work.division[index, of: work.images]
        let steps = copies[copyOfSlot[slot]][work.phase]
        if var lines = readAhead.lines(phase: work.phase, step: work.step, part: part, steps) {
            withUnsafeMutablePointer(to: &lines) {
                context.linesAhead = $0
                runPart(work.step, work.phase, context, images, part, slot, recorder)
            }
        } else {
            runPart(work.step, work.phase, context, images, part, slot, recorder)
        }
        joint.finishPart()
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

    /// Whether all images are through a phase, and the next one is open if there is one.
    private func isComplete(_ phase: Int) -> Bool {
        phase + 1 < plan.phases.count
            ? openPhase.load(ordering: .acquiring) > phase : imagesLeft.load(ordering: .acquiring) == 0
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

    /// Runs one step, together with workers that have no images left.
    private func run(
        _ step: Int, _ phase: Int, _ context: StepContext, _ images: Range<Int>, _ slot: Int,
        _ recorder: StepRecorder?
    ) {
        // Those that get no image will be, as far as there are CPUs for them.
        let idle = max(idle.load(ordering: .relaxed), min(joint.count, cpuCount) - rows)
        guard idle > 0 else { return runPart(step, phase, context, images, .whole, slot, recorder) }
        let owners = max(joint.count - idle, 1)
        let division = StepDivision(
            copies[copyOfSlot[slot]][phase][step], images: images.count,
            workers: 1 + (idle + owners - 1) / owners)
        let own = joint[slot]
        own.open(
            JointStep.Work(
                phase: phase, step: step, images: images, groupStart: context.groupStart,
                arena: context.slotArena, scratch: context.scratch, division: division))
        while let index = own.claim(0, of: joint.count) { takePart(index, of: own, context, slot, recorder) }
        let start = recorder == nil ? 0 : StepRecorder.now()
        own.wait(forParts: division.count)
        recorder?.wait(slot, StepRecorder.now() - start)
    }

    /// Runs one step, or a part of it, and notes that.
    @inline(__always)
    private func runPart(
        _ step: Int, _ phase: Int, _ context: StepContext, _ images: Range<Int>, _ part: StepPart,
        _ slot: Int, _ recorder: StepRecorder?
    ) {
        let own = copies[copyOfSlot[slot]][phase][step]
        guard let recorder else { return own.run(context, images: images, part: part) }
        recorder.note(slot, step: firstSteps[phase] + step, images: images, part: part) {
            own.run(context, images: images, part: part)
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
            for step in steps { run(step, phase, context, piece, slot, recorder) }
            start = piece.upperBound
        }
    }
}
