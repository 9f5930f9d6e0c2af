import Diagnostics
import Kernels

/// Turns a graph that the passes have rewritten into a plan.
///
/// The order: phases, so that each batch statistic is complete before it is read; stages, so that steps which
/// want many images at once are apart from those which want one; buffers, so that sums are made in place; halos
/// and layouts, from what the readers ask; memory; and last the steps themselves.
struct Planner {
    let table: KernelTable
    /// Bytes of the cache that one worker has to itself.
    let cacheBytes: Int

    /// A micro-batch larger than this gains nothing.
    private static let microBatchLimit = 8
    /// Images that share one reading of a linear layer's weights.
    private static let linearGroup = 4

    func plan(_ source: Graph) throws(EngineError) -> Plan {
        var graph = source
        var fusions = FusionReport()
        for pass in GraphPasses.all { try pass.run(&graph, &fusions) }
        let sequence = try StepSequence(graph)
        var buffers = BufferAssignment(graph, sequence)

        let single = buffers.arena(.microBatch, images: 1)
        let fitting = single.size == 0 ? 1 : cacheBytes / 2 / (4 * single.size)
        let microBatch = max(1, min(Self.microBatchLimit, fitting))
        let hasGroups = sequence.entries.contains { $0.takesGroups }
        let imageGroup =
            hasGroups ? (Self.linearGroup + microBatch - 1) / microBatch * microBatch : microBatch

        let slots = buffers.place(microBatch: microBatch, imageGroup: imageGroup)
        var plan = Plan(
            phases: (0...sequence.lastPhase).map { _ in Plan.Phase(prologue: [], stages: []) },
            inputShape: graph.shape(of: graph.input), outputShape: graph.shape(of: graph.output),
            microBatch: microBatch, imageGroup: imageGroup, slotArenaSize: slots.slot,
            batchArenaSize: slots.batch, statisticsSize: 0, coefficientSize: 0, records: [],
            runningUpdates: [],
            summaries: [], fusions: fusions)
        try addSteps(&plan, graph, source, sequence, buffers)
        return plan
    }

    private func addSteps(
        _ plan: inout Plan, _ graph: Graph, _ source: Graph, _ sequence: StepSequence,
        _ buffers: BufferAssignment
    ) throws(EngineError) {
        var records: [Edge: Int] = [:]
        for entry in sequence.entries {
            let step: any Step
            switch entry.kind {
            case .input: step = InputStep(output: buffers.placement(of: graph.input))
            case .output: step = OutputStep(input: buffers.placement(of: graph.output))
            case .statistics(let edge):
                let placement = buffers.placement(of: edge)
                let channels = placement.planes * channelBlock
                records[edge] = plan.records.count
                plan.records.append(
                    Plan.StatisticsRecord(
                        offset: plan.statisticsSize, channels: channels,
                        area: placement.shape.height * placement.shape.width))
                step = StatisticsStep(
                    kernelName: "statistics.f32.1x16.\(table.isa)", kernel: table.channelStatistics,
                    input: placement, offset: plan.statisticsSize)
                plan.statisticsSize += 2 * channels
            case .node(let index):
                let node = graph.nodes[index]
                guard let operation = node.operation as? any PlannableOperation else {
                    throw EngineError(.internalError, node.name, "operation without a step")
                }
                let coefficients = addCoefficients(&plan, node, graph, records, phase: entry.phase)
                let context = StepPlanningContext(
                    node: node.name, table: table, inputs: node.inputs.map(buffers.placement(of:)),
                    output: buffers.placement(of: node.output), coefficientOffset: coefficients)
                step = try operation.step(context)
                plan.summaries.append(
                    PlannedStep(
                        node: node.name, operation: type(of: operation).identifier, kernel: step.kernelName,
                        rejected: step.rejected, absorbed: plan.fusions.absorbed(by: node.name),
                        inputs: graph.inputShapes(of: node), output: graph.shape(of: node.output),
                        cost: operation.cost(graph.inputShapes(of: node)), packedBytes: step.packedBytes))
            }
            var stages = plan.phases[entry.phase].stages
            if stages.isEmpty || stages[stages.count - 1].takesGroups != entry.takesGroups {
                stages.append(Plan.Stage(steps: [], takesGroups: entry.takesGroups))
            }
            stages[stages.count - 1].steps.append(step)
            plan.phases[entry.phase].stages = stages
        }
        // Running statistics are updated in the order in which the source applies the normalisations.
        for node in source.nodes {
            guard let normalization = node.operation as? BatchNormalization, normalization.mode == .batch,
                let record = records[node.inputs[0]]
            else { continue }
            plan.runningUpdates.append(Plan.RunningUpdate(normalization: normalization, record: record))
        }
    }

    /// Reserves coefficients that the batch's statistics will make, if the node has such terms.
    private func addCoefficients(
        _ plan: inout Plan, _ node: Node, _ graph: Graph, _ records: [Edge: Int], phase: Int
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
