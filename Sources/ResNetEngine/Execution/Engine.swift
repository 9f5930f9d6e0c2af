import Diagnostics
import Kernels
import Synchronization
import Tensors
import Topology

/// A model prepared for one machine: kernels chosen, weights packed, memory placed. Score as many batches as
/// you like, from any thread; batches of one engine run one after the other, each on all of its workers.
///
/// In `running` mode a row's result has the same bits in every batch, at every position, for every number of
/// threads and either executor; only the instruction set and options that choose kernels (`exact`, `objective`
/// and the like) may change them.
public final class Engine: Sendable {
    /// The version of this package.
    public static let version = "0.1.0"

    public let architecture: any Architecture
    public let options: EngineOptions
    /// The instruction set in use.
    public let isa: ISALevel
    /// Where the workers run.
    public let placement: Placement
    /// What became of ``EngineOptions/numa``: any but ``NUMAPolicy/auto``. A system that refuses it is a warning.
    public let numa: NUMAPolicy
    public let memory: MemoryPrediction
    /// Images that a worker takes at once: one by one through the layers of large maps, together through those where they
    /// share a reading of the weights.
    public var imageGroup: Int { plan.imageGroup }
    /// The planned steps, in order.
    public var steps: [PlannedStep] { plan.summaries }
    /// All steps in the order in which a worker runs them, those between the network's nodes included.
    public var executedSteps: [ExecutedStep] { plan.executed }
    /// What the passes fused into what.
    public var fusions: FusionReport { plan.fusions }
    /// The shape of one image, and of one result.
    public var inputShape: FeatureShape { plan.inputShape }
    public var outputShape: FeatureShape { plan.outputShape }
    /// Floating-point operations of one image, as the model is written.
    public let flopsPerImage: Int

    private let plan: Plan
    private let runner: Runner
    private let conductor: Conductor
    private let preparationWarnings: [EngineWarning]
    private let parameters: [StepParameters.Entry]
    /// Nodes whose weights other people's kernels have packed.
    private let unsaved: [String]

    /// What a batch changes: used by the conductor's thread, read between batches.
    private final class Runner: Sendable {
        struct State {
            var run: BatchRun
            var running: RunningStatistics
            /// How long the last batch took, from before the fork to after it.
            var nanoseconds: UInt64 = 0
            /// The recorder of the last profile, for the next one.
            var recorder: StepRecorder?
        }

        let state: Mutex<State>

        init(_ state: sending State) { self.state = Mutex(state) }

        func run(_ job: inout Conductor.Job) {
            job.failure = state.withLock { state -> EngineError? in
                let start = StepRecorder.now()
                defer { state.nanoseconds = StepRecorder.now() - start }
                do throws(EngineError) {
                    try state.run.run(
                        rows: job.rows, input: job.input, output: job.output, recorder: job.recorder,
                        &state.running)
                    return nil
                } catch { return error }
            }
        }
    }

    /// Prepares a model.
    ///
    /// The kernels of `registry` are candidates besides those built in. The engine keeps no weights but as its kernels
    /// read them: those of a model that the caller has consumed are freed layer by layer while others are packed.
    ///
    /// A model of prepared weights is not prepared again: its engine reads them, and has the results of the one that saved them.
    ///
    /// - Throws: `usage` for options out of range or patterns of no kernel, `unavailable` for an instruction set above
    ///   the machine's or a layer that no kernel may run,
    ///   `badData` for a model that cannot be planned, `resource` when memory is refused or the prediction is
    ///   above a limit.
    public convenience init(
        _ model: consuming Model, options: EngineOptions = EngineOptions(), registry: Registry = .builtin,
        machine: Machine
    ) throws(EngineError) {
        try self.init(
            consume model, options: options, registry: registry, detection: MachineDetection(machine))
    }

    /// Prepares a model for a machine that may still be found out meanwhile, otherwise as
    /// ``init(_:options:registry:machine:)``.
    public init(
        _ model: consuming Model, options: EngineOptions = EngineOptions(), registry: Registry = .builtin,
        detection: MachineDetection = MachineDetection()
    ) throws(EngineError) {
        let isa = options.isa ?? detection.isa
        guard isa <= detection.isa else {
            throw EngineError(
                .unavailable, "--isa", "\(isa.rawValue) on this machine",
                expected: "at most \(detection.isa.rawValue)")
        }
        guard options.batch >= 1 else {
            throw EngineError(.usage, "--batch", "\(options.batch)", expected: "1 or more")
        }
        guard options.precision == .float32 || options.mode == .running else {
            throw EngineError(
                .usage, "--precision", "\(options.precision.rawValue) with --mode batch",
                expected: "float32, or --mode running: statistics of a batch would magnify its rounding")
        }
        var parameters = StepParameters(model.prepared)
        guard parameters.source == nil || options.mode == .running else {
            throw EngineError(
                .usage, "--mode", "batch with prepared weights",
                expected: "running, or the model's own weights")
        }
        let table = KernelSelection.table(for: isa)
        let candidates = ConvolutionCandidates(
            table, others: registry.convolutions.map(\.value), filter: options.kernels, exact: options.exact,
            objective: options.objective,
            tuner: options.tuning.map { KernelTuner($0, table, isa, detection.machine, registry) })
        var graph = try model.planned(mode: options.mode)
        flopsPerImage = graph.flops
        try candidates.check(graph)
        // Where nothing is to be computed, planning does not wait for the machine.
        var early: (plan: Plan, planner: Planner, rewritten: RewrittenGraph)?
        if model.isPrepared, options.tuning == nil, let caches = detection.likelyWorkerCaches {
            let planner = Planner(
                table: table, caches: caches, candidates: candidates, precision: options.precision,
                parameters: parameters)
            let rewritten = try RewrittenGraph(graph, candidates, table, .alone, isBlank: true)
            early = (try planner.draft(rewritten).finished(), planner, rewritten)
        }
        let machine = detection.machine
        placement = try machine.placement(
            workers: options.threads ?? machine.usableWorkerCount, pin: options.pin)
        let sized: Plan
        var draft: Planner.Draft?
        var copying: WeightCopies?
        let (isPrepared, workerNodes) = (model.isPrepared, placement.numaNodes)
        let usableNodes = machine.usableNUMANodes
        let interleaved = options.numa == .interleave && usableNodes.count > 1 ? usableNodes : []
        let mayCopy =
            workerNodes.count > 1 && (options.numa == .replicate || options.numa == .auto && !isPrepared)
        if interleaved.isEmpty, let early = early.take(), early.planner.caches == machine.workerCaches {
            sized = early.plan
            if mayCopy { copying = WeightCopies(early.planner, early.rewritten, placement) }
        } else {
            parameters = StepParameters(model.prepared, interleavedOver: interleaved)
            let team = PreparationTeam(threads: placement.workers.count)
            let planner = Planner(
                table: table, caches: machine.workerCaches, candidates: candidates,
                precision: options.precision, team: team, parameters: parameters)
            let rewritten = try RewrittenGraph(graph, candidates, table, team, isBlank: model.isPrepared)
            let made = try planner.draft(rewritten)
            sized = made.plan
            draft = made
            if mayCopy { copying = WeightCopies(planner, rewritten, placement) }
        }
        graph.nodes = []
        let tuningWarnings = options.tuning?.finish() ?? []
        let (weightBytes, slots) = (model.weights.byteCount, placement.workers.count)
        func prediction(_ policy: NUMAPolicy) throws(EngineError) -> MemoryPrediction {
            let copies = policy.copies(nodes: workerNodes.count, isPrepared: isPrepared)
            return try MemoryPrediction(
                weights: weightBytes, sized, copies: copies, slots: slots, rows: options.batch)
        }
        numa = options.numa.resolved(placement, nodes: usableNodes, isPrepared: isPrepared) {
            (try? prediction(.replicate).check(options, machine)) != nil
        }
        memory = try prediction(numa)
        try memory.check(options, machine)
        if numa != .replicate {
            copying = nil
        } else if !isPrepared {
            parameters.nodes = [workerNodes[0]]
        }
        let running = RunningStatistics(sized, model.weights)
        architecture = model.architecture
        var warnings = machine.warnings + placement.warnings + model.warnings + tuningWarnings
        _ = consume model
        plan = try draft.take()?.finished() ?? sized
        // Weights that were there before the engine may lie anywhere.
        let copies =
            (numa == .replicate && isPrepared ? [] : [plan])
            + (try copying.take()?.made(parameters, in: workerNodes.dropFirst(isPrepared ? 0 : 1)) ?? [])
        if parameters.isPlacingRefused {
            warnings.append(
                EngineWarning("numa-refused", "the system puts no pages into NUMA nodes \(parameters.nodes)"))
        }
        preparationWarnings = warnings
        self.parameters = parameters.entries
        unsaved = parameters.others
        let workspace = try Workspace(plan, slots: placement.workers.count, rows: options.batch)
        let runner = Runner(
            Runner.State(
                run: BatchRun(
                    copies, placement: placement, executor: options.executor,
                    cpuCount: machine.allowed.count, lastCache: machine.lastCacheBytes, workspace: workspace),
                running: running))
        self.runner = runner
        conductor = try Conductor { runner.run(&$0) }
        self.options = options
        self.isa = isa
    }

    /// Scores `rows` images.
    ///
    /// - Parameters:
    ///   - rows: images in the batch.
    ///   - input: `rows · c · h · w` floats, `n c h w`.
    ///   - output: `rows` results, written whole; row order is kept.
    /// - Throws: `badData` when sizes do not fit, or in `batch` mode when one value a channel has no variance;
    ///   `resource` when a larger batch than prepared for needs memory that the system refuses; what a plugin's step
    ///   failed with, naming the layer.
    public func score(
        rows: Int, input: UnsafeBufferPointer<Float>, output: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) {
        guard var job = try job(rows, input, output) else { return }
        conductor.perform(&job)
        if let failure = job.failure { throw failure }
    }

    /// Scores `rows` images as ``score(rows:input:output:)`` does, and tells what every worker did meanwhile.
    ///
    /// Noting it takes two readings of the clock a step, with counters two system calls more, and no lock or allocation
    /// while workers run.
    ///
    /// - Parameters:
    ///   - rows: images in the batch.
    ///   - input: `rows · c · h · w` floats, `n c h w`.
    ///   - output: `rows` results, written whole; row order is kept.
    ///   - counters: what each worker counts of each step; `PerformanceEvent.supported(among:)` says which it can.
    /// - Throws: as ``score(rows:input:output:)``; `usage` for too many counters; `unavailable` when the system refuses a
    ///   worker one of them, which it may do although the batch was scored.
    public func profile(
        rows: Int, input: UnsafeBufferPointer<Float>, output: UnsafeMutableBufferPointer<Float>,
        counters: [PerformanceEvent] = []
    ) throws(EngineError) -> BatchProfile {
        let job = try job(rows, input, output)
        let (run, spare) = runner.state.withLock { state in
            defer { state.recorder = nil }
            return (state.run, state.recorder)
        }
        let recorder = try run.recorder(rows: rows, counters: counters, spare: spare)
        defer { runner.state.withLock { $0.recorder = recorder } }
        guard var job else { return try BatchProfile(recorder, rows: 0) }
        job.recorder = recorder
        conductor.perform(&job)
        if let failure = job.failure { throw failure }
        return try BatchProfile(recorder, rows: rows)
    }

    /// Scores a tensor `n c h w`, and tells what every worker did meanwhile.
    ///
    /// - Throws: as ``profile(rows:input:output:counters:)``.
    public func profile(
        _ input: Tensor, counters: [PerformanceEvent] = []
    ) throws(EngineError) -> (output: Tensor, profile: BatchProfile) {
        var output = try emptyOutput(for: input)
        let profile = try output.withMutableElements { target throws(EngineError) -> BatchProfile in
            try input.withElements { source throws(EngineError) -> BatchProfile in
                try self.profile(rows: input.shape[0], input: source, output: target, counters: counters)
            }
        }
        return (output, profile)
    }

    /// Scores a tensor `n c h w`; returns `(n, classes)`.
    public func score(_ input: Tensor) throws(EngineError) -> Tensor {
        var output = try emptyOutput(for: input)
        try output.withMutableElements { target throws(EngineError) in
            try input.withElements { source throws(EngineError) in
                try score(rows: input.shape[0], input: source, output: target)
            }
        }
        return output
    }

    /// Scores a tensor. The caller's task is suspended meanwhile: no thread of Swift's cooperative pool waits.
    public func score(_ input: Tensor) async throws(EngineError) -> Tensor {
        let output = try emptyOutput(for: input)
        // The engine and both tensors live until the conductor is done; nobody else knows the output's memory.
        let failure: EngineError? = await withCheckedContinuation { continuation in
            let start = { () throws(EngineError) -> Conductor.Job? in
                try input.withElements { source throws(EngineError) in
                    try output.withElements { target throws(EngineError) in
                        try self.job(input.shape[0], source, UnsafeMutableBufferPointer(mutating: target))
                    }
                }
            }
            do throws(EngineError) {
                guard var job = try start() else { return continuation.resume(returning: nil) }
                job.completion = { failure in
                    withExtendedLifetime((self, input, output)) { continuation.resume(returning: failure) }
                }
                conductor.enqueue(job)
            } catch { continuation.resume(returning: error) }
        }
        if let failure { throw failure }
        return output
    }

    /// The job for a batch, or `nil` for no rows.
    private func job(
        _ rows: Int, _ input: UnsafeBufferPointer<Float>, _ output: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) -> Conductor.Job? {
        let (inputs, inputOverflow) = rows.multipliedReportingOverflow(by: inputShape.elementCount)
        let (outputs, outputOverflow) = rows.multipliedReportingOverflow(by: outputShape.elementCount)
        guard rows >= 0, !inputOverflow, !outputOverflow, input.count == inputs, output.count == outputs
        else {
            throw EngineError(
                .badData, "batch of \(rows)", "\(input.count) floats in, \(output.count) out",
                expected: "\(inputShape.elementCount) and \(outputShape.elementCount) a row")
        }
        guard rows > 0, let source = input.baseAddress, let target = output.baseAddress else { return nil }
        for record in plan.records where record.area < 2 && rows * record.area < 2 {
            throw EngineError(
                .badData, "batch of \(rows)",
                "\(rows * record.area) value a channel at a batch normalisation",
                expected: "more than 1 in batch mode")
        }
        return Conductor.Job(rows: rows, input: source, output: target)
    }

    private func emptyOutput(for input: Tensor) throws(EngineError) -> Tensor {
        let shape = input.shape.dimensions
        let expected = [inputShape.channels, inputShape.height, inputShape.width]
        guard shape.count == 4, Array(shape.dropFirst()) == expected else {
            throw EngineError(
                .badData, "input", "shape \(input.shape)",
                expected: "(n, \(expected.map(String.init).joined(separator: ", ")))")
        }
        return try Tensor(shape: resultShape(rows: shape[0]), subject: "output")
    }

    private func resultShape(rows: Int) -> [Int] {
        outputShape.height == 1 && outputShape.width == 1
            ? [rows, outputShape.channels]
            : [rows, outputShape.channels, outputShape.height, outputShape.width]
    }

    /// The batch-norm buffers as the batches scored so far left them; empty in `running` mode.
    public var buffers: StateDictionary {
        get throws(EngineError) { try runner.state.withLock { $0.running }.state() }
    }

    /// What the engine computed from the model's weights, for other engines: see ``PreparedWeights``. It holds no copy.
    ///
    /// - Throws: `usage` in `batch` mode, `unavailable` where a plugin's kernel has packed weights by itself.
    public var preparedWeights: StateDictionary {
        get throws(EngineError) {
            guard options.mode == .running else {
                throw EngineError(
                    .usage, "--mode", "batch, whose steps follow from more than weights", expected: "running")
            }
            if let node = unsaved.first { throw StepParameters.unavailable(node) }
            return try PreparedWeights.state(of: architecture, parameters)
        }
    }

    /// What each worker slot did in the last batch.
    public var workerRecords: [WorkerRecord] { runner.state.withLock { $0.run.workerRecords } }

    /// Nanoseconds from before the fork of the last batch to after it.
    public var lastBatchNanoseconds: Int { runner.state.withLock { Int($0.nanoseconds) } }

    /// Everything worth a user's notice so far.
    public var warnings: [EngineWarning] {
        let failed = workerRecords.filter(\.pinFailed).count
        return preparationWarnings
            + (failed == 0
                ? []
                : [
                    EngineWarning(
                        "pin-failed", "\(failed) of \(placement.workers.count) workers could not be pinned")
                ])
    }
}

extension StateDictionary {
    /// Bytes of all entries.
    var byteCount: Int {
        names.reduce(0) { sum, name in
            switch self[name] {
            case .tensor(let tensor): sum + 4 * tensor.elementCount
            case .integers(_, let values): sum + 8 * values.count
            case nil: sum
            }
        }
    }
}
