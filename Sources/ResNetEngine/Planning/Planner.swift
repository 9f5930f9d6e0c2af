import Diagnostics
import Kernels

/// Turns a graph that the passes have rewritten into a plan.
///
/// The order: phases, so that each batch statistic is complete before it is read; stages, so that steps which
/// want many images at once are apart from those which want one; buffers, so that sums are made in place; halos
/// and layouts, from what the readers ask; memory; and last, once the sizes are agreed to, the steps themselves.
struct Planner {
    let table: KernelTable
    let caches: WorkerCaches
    let candidates: ConvolutionCandidates
    var precision = Precision.float32
    var team = PreparationTeam.alone
    /// Where the steps' parameters come from.
    var parameters = StepParameters()

    /// More small images at once than this gain nothing.
    private static let microBatchLimit = 8

    /// A plan whose sizes are known and whose weights are not packed yet.
    struct Draft {
        fileprivate(set) var plan: Plan
        fileprivate var pending: [Pending] = []

        /// A step to be made.
        fileprivate struct Pending {
            let entry: StepSequence.Entry
            let label: ExecutedStep
            let make: () throws(EngineError) -> any Step
        }

        fileprivate mutating func add(
            _ entry: StepSequence.Entry, _ name: String, planned: Int? = nil,
            _ make: @escaping () throws(EngineError) -> any Step
        ) {
            pending.append(
                Pending(entry: entry, label: ExecutedStep(name: name, planned: planned), make: make))
        }

        /// Packs the weights: this is what takes memory and time. Those of a step that is made are let go.
        consuming func finished() throws(EngineError) -> Plan {
            var plan = plan
            pending.reverse()
            while let step = pending.popLast() {
                let entry = step.entry
                plan.executed.append(step.label)
                var stages = plan.phases[entry.phase].stages
                if stages.last?.images != entry.images {
                    stages.append(Plan.Stage(steps: [], images: entry.images))
                }
                stages[stages.count - 1].steps.append(try step.make())
                plan.phases[entry.phase].stages = stages
            }
            return plan
        }
    }

    func draft(_ rewritten: RewrittenGraph) throws(EngineError) -> Draft {
        let (source, graph, fusions) = (rewritten.source, rewritten.graph, rewritten.fusions)
        var sequence = try StepSequence(graph)
        var buffers = BufferAssignment(graph, sequence, precision: precision)
        // Small maps go through together, as many as stay in the worker's own cache.
        let fitting = caches.last / 2 / (4 * max(buffers.imageSize, 1))
        if fitting > 1 {
            sequence = try StepSequence(graph, microBatch: min(Self.microBatchLimit, fitting))
            buffers = BufferAssignment(graph, sequence, precision: precision)
        }
        let imageGroup = sequence.entries.reduce(1) { max($0, $1.images) }
        let sizes = buffers.place()
        var draft = Draft(
            plan: Plan(
                phases: (0...sequence.lastPhase).map { _ in Plan.Phase(prologue: [], stages: []) },
                inputShape: graph.shape(of: graph.input), outputShape: graph.shape(of: graph.output),
                imageGroup: imageGroup, slotArenaSize: sizes.worker,
                scratchSize: 0,
                batchArenaSize: sizes.batch, statisticsSize: 0, coefficientSize: 0, packedBytes: 0,
                records: [], runningUpdates: [], summaries: [], fusions: fusions))
        try addSteps(&draft, graph, sequence, buffers)
        try addRunningUpdates(&draft.plan, source, graph, sequence)
        return draft
    }

    private func addSteps(
        _ draft: inout Draft, _ graph: Graph, _ sequence: StepSequence, _ buffers: BufferAssignment
    ) throws(EngineError) {
        var records = EdgeMap<Int>()
        var packed = ByteCount(subject: "packed weights")
        for (index, entry) in sequence.entries.enumerated() {
            candidates.tuner?.tuning.note(done: index, of: sequence.entries.count)
            switch entry.kind {
            case .input:
                let output = buffers.placement(of: graph.input)
                draft.add(entry, "input") { () throws(EngineError) in
                    HaloClearing.around(InputStep(output: output), output: output)
                }
            case .output:
                let step = OutputStep(input: buffers.placement(of: graph.output))
                draft.add(entry, "output") { () throws(EngineError) in step }
            case .statistics(let edge):
                records[edge] = draft.plan.records.count
                let step = try addRecord(&draft.plan, edge, graph, buffers)
                let name = graph.producer(of: edge).map { graph.nodes[$0].name } ?? "input"
                draft.add(entry, "statistics of \(name)") { () throws(EngineError) in step }
            case .node(let index):
                let node = graph.nodes[index]
                guard let operation = node.operation.plannable else {
                    throw EngineError(.internalError, node.name, "operation without a step")
                }
                let context = StepPlanningContext(
                    node: node.name, table: table, inputs: node.inputs.map(buffers.placement(of:)),
                    output: buffers.placement(of: node.output),
                    coefficientOffset: addCoefficients(
                        &draft.plan, node, graph, records, phase: entry.phase),
                    statistics: buffers.notes(of: node.output), caches: caches, candidates: candidates,
                    team: team, parameters: parameters)
                let choice = try operation.kernelChoice(context)
                try candidates.checkAllowed(choice.name, node: node.name)
                let bytes = try operation.packedBytes(context)
                try packed.add(bytes)
                draft.plan.scratchSize = max(draft.plan.scratchSize, try operation.scratchCount(context))
                let inputs = graph.inputShapes(of: node)
                var problem = operation.problem(context)
                problem?.clearedHalo = context.output.clearsHalo ? context.output.halo : 0
                problem?.images = entry.images
                draft.plan.summaries.append(
                    PlannedStep(
                        node: node.name, operation: operation.identifier, kernel: choice.name,
                        rejected: choice.rejected, absorbed: draft.plan.fusions.absorbed(by: node.name),
                        inputs: inputs, output: graph.shape(of: node.output), cost: operation.cost(inputs),
                        packedBytes: bytes, inputBytes: context.inputs.reduce(0) { $0 + $1.featureBytes },
                        outputBytes: context.output.featureBytes, problem: problem))
                let hasParameters = operation.cost(inputs).parameterBytes > 0
                draft.add(entry, node.name, planned: draft.plan.summaries.count - 1) {
                    () throws(EngineError) in
                    let step = try context.parameters.make(node.name, hasParameters: hasParameters) {
                        () throws(EngineError) in try operation.step(context)
                    }
                    return HaloClearing.around(step, output: context.output)
                }
            }
        }
        draft.plan.packedBytes = packed.bytes
        noteReuse(&draft.plan, graph, sequence)
    }

    /// What passes through the caches between two runs of each step, and while its input waits there.
    private func noteReuse(_ plan: inout Plan, _ graph: Graph, _ sequence: StepSequence) {
        // Between two runs of a step all others see their weights and features.
        let arenaBytes = 4 * (plan.slotArenaSize + plan.scratchSize)
        let passing = ((plan.packedBytes + arenaBytes) >> 20) + 1
        let nodes = sequence.entries.compactMap { entry in
            if case .node(let index) = entry.kind { (graph.nodes[index], entry.images) } else { nil }
        }
        var moved = 0
        // What had been moved when each edge began to be written, its own size, and the images of a run.
        var written = EdgeMap<(before: Int, images: Int)>()
        for (index, (node, images)) in nodes.enumerated() {
            let step = plan.summaries[index]
            plan.summaries[index].problem?.reuseMebibytes = passing
            if let (before, writtenImages) = node.inputs.first.flatMap({ written[$0] }) {
                // Where a run writes fewer images, all steps up to it run again for the others.
                let runs = images / writtenImages
                let aged = (moved - before + (runs - 1) * moved) >> 10
                plan.summaries[index].problem?.agedKibibytes = min(aged, passing << 10)
            }
            let output = images * step.outputBytes
            written[node.output] = (moved + output, images)
            moved += step.packedBytes + output + images * step.inputBytes
        }
    }

    /// Reserves the statistics of an edge.
    private func addRecord(
        _ plan: inout Plan, _ edge: Edge, _ graph: Graph, _ buffers: BufferAssignment
    ) throws(EngineError) -> any Step {
        guard let notes = buffers.notes(of: edge) else {
            throw EngineError(.internalError, "statistics", "no place for notes")
        }
        let isNoted = graph.producer(of: edge).map { graph.nodes[$0].operation is Convolution2D } ?? false
        let placement = buffers.placement(of: edge)
        let channels = placement.planes * channelBlock
        let offset = plan.statisticsSize
        plan.records.append(
            Plan.StatisticsRecord(
                offset: offset, channels: channels, area: placement.shape.height * placement.shape.width))
        plan.statisticsSize += 2 * channels
        return RowStatisticsStep(
            kernel: isNoted ? nil : table.rowStatistics, notes: notes, input: placement, offset: offset)
    }

    /// Running statistics are updated in the order in which the source applies its normalisations.
    private func addRunningUpdates(
        _ plan: inout Plan, _ source: Graph, _ graph: Graph, _ sequence: StepSequence
    ) throws(EngineError) {
        var records = EdgeMap<Int>()
        var count = 0
        for case .statistics(let edge) in sequence.entries.map(\.kind) {
            records[edge] = count
            count += 1
        }
        for node in source.nodes {
            guard let normalization = node.operation as? BatchNormalization, normalization.mode == .batch
            else { continue }
            guard let record = records[graph.current(node.inputs[0])] else {
                throw EngineError(.internalError, node.name, "normalisation without statistics")
            }
            plan.runningUpdates.append(Plan.RunningUpdate(normalization: normalization, record: record))
        }
    }

    /// Reserves coefficients that the batch's statistics will make, if the node has such terms.
    private func addCoefficients(
        _ plan: inout Plan, _ node: Node, _ graph: Graph, _ records: EdgeMap<Int>, phase: Int
    ) -> Int? {
        guard let sum = node.operation as? ChannelAffineSum,
            sum.normalizations.contains(where: { $0?.mode == .batch })
        else { return nil }
        let channels = graph.shape(of: node.output).channels
        let offset = plan.coefficientSize
        plan.coefficientSize += ChannelAffineStep.coefficientCount(channels: channels)
        plan.phases[phase].prologue.append(
            Plan.CoefficientUpdate(
                offset: offset, normalizations: sum.normalizations,
                records: node.inputs.indices.map {
                    sum.isBatchCoupled(input: $0) ? records[node.inputs[$0]] : nil
                },
                channels: channels))
        return offset
    }
}
