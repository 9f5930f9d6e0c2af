import Diagnostics
import Synchronization
import Topology

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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
    private let records: UnsafeMutablePointer<WorkerRecord>
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
        records = .allocate(capacity: placement.workers.count)
        records.initialize(repeating: WorkerRecord(), count: placement.workers.count)
        context = StepContext(
            input: UnsafePointer(workspace.coefficients.pointer), output: workspace.coefficients.pointer,
            slotArena: workspace.coefficients.pointer, batchArena: workspace.batch.pointer, batchCapacity: 0,
            statistics: workspace.statistics.pointer, coefficients: workspace.coefficients.pointer)
    }

    deinit { records.deallocate() }

    var workerRecords: [WorkerRecord] {
        Array(UnsafeBufferPointer(start: records, count: placement.workers.count))
    }

    /// Runs `rows` images; `running` takes in the batch's statistics if the plan makes any.
    func run(
        rows: Int, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
        _ running: inout RunningStatistics
    ) throws(EngineError) {
        try begin(rows: rows, input: input, output: output)
        executor.perform(placement.workers.count, threads: cpuCount, self)
        finish(&running)
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
        var phase = openPhase.load(ordering: .acquiring)
        let floatingPoint = FloatingPointMode.enterFlushToZero()
        let mask = pin(slot)
        var context = self.context
        context.slotArena = workspace.slots[slot].pointer
        var images = 0
        while true {
            while let group = cursors[phase].claim(slot: slot) {
                walk(group, phase, &context)
                images += group.count
                if imagesLeft.subtract(group.count, ordering: .acquiringAndReleasing).newValue == 0 {
                    open(phase + 1)
                }
            }
            if phase + 1 >= plan.phases.count { break }
            phase = awaitPhase(after: phase)
        }
        records[slot].thread = CurrentThread.identifier
        records[slot].cpu = CurrentThread.cpu ?? -1
        records[slot].images = images
        if let mask { _ = ThreadAffinity.restore(mask) }
        FloatingPointMode.restore(floatingPoint)
        slotsFinished.add(1, ordering: .releasing)
    }

    /// Opens a phase after the one before it is complete: its coefficients follow from the statistics so far.
    private func open(_ phase: Int) {
        guard phase < plan.phases.count else { return }
        for update in plan.phases[phase].prologue {
            statistics.fill(update, plan.records, into: workspace.coefficients.pointer)
        }
        imagesLeft.store(rows, ordering: .relaxed)
        openPhase.store(phase, ordering: .releasing)
    }

    /// Waits for the last images of a phase: at most as long as one group takes, so first by yielding; if their
    /// threads are kept from running, by short sleeps.
    private func awaitPhase(after phase: Int) -> Int {
        var yields = 0
        while true {
            let open = openPhase.load(ordering: .acquiring)
            if open > phase { return open }
            if yields < 4000 {
                sched_yield()
                yields += 1
            } else {
                usleep(50)
            }
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

    private func walk(_ group: Range<Int>, _ phase: Int, _ context: inout StepContext) {
        context.groupStart = group.lowerBound
        for stage in plan.phases[phase].stages {
            if stage.takesGroups {
                context.microBatchStart = group.lowerBound
                for step in stage.steps { step.run(context, images: group) }
                continue
            }
            var start = group.lowerBound
            while start < group.upperBound {
                let images = start..<min(start + plan.microBatch, group.upperBound)
                context.microBatchStart = start
                for step in stage.steps { step.run(context, images: images) }
                start = images.upperBound
            }
        }
    }
}
