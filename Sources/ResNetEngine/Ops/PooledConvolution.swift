import Diagnostics
import Kernels

/// A convolution whose result only a pooling reads: band by band of rows, so that the map between them never leaves the
/// worker's own cache.
public struct PooledConvolution: Operation {
    public var identifier: String { "pooled-convolution" }
    public var version: Int { 1 }

    public let convolution: Convolution2D
    public let pooling: Pooling

    /// The shape of the map between them.
    func middleShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        try convolution.outputShape(inputs, node: node)
    }

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        try pooling.outputShape([middleShape(inputs, node: node)], node: node)
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        guard let middle = try? middleShape(inputs, node: "") else { return Cost(flops: 0) }
        let first = convolution.cost(inputs)
        return Cost(flops: first.flops + pooling.cost([middle]).flops, parameterBytes: first.parameterBytes)
    }

    public var accuracy: AccuracyClass { convolution.accuracy }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        pooling.reference([convolution.reference(inputs)])
    }
}

extension PooledConvolution: PlannableOperation {
    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        convolution.requirement(ofInput: index, shapes: shapes)
    }

    public var makesBFloat16: Bool { true }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        let direct = try Self.kernel(self, context)
        var choice = KernelChoice(name: direct.candidate.name, rejected: direct.rejected)
        choice.name += "+\(PoolingStep.kernelName(pooling.kind, context.table))"
        return choice
    }

    public func packedBytes(_ context: StepPlanningContext) throws(EngineError) -> Int {
        try Self.kernel(self, context).candidate.packedBytes(convolution, middle(context))
    }

    public func scratchCount(_ context: StepPlanningContext) throws(EngineError) -> Int {
        try PooledConvolutionStep.band(self, context).elementCount
    }

    public func problem(_ context: StepPlanningContext) -> LayerProblem? {
        guard pooling.kind == .maximum, let window = pooling.window else { return nil }
        var layer = convolution.layer(context)
        layer.pooling = window
        return LayerProblem(.convolution(layer))
    }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        try PooledConvolutionStep(self, context)
    }

    /// The convolution's own context: its output is the map between it and the pooling.
    private func middle(_ context: StepPlanningContext) throws(EngineError) -> StepPlanningContext {
        StepPlanningContext(
            node: context.node, table: context.table, inputs: context.inputs,
            output: try PooledConvolutionStep.band(self, context), caches: context.caches,
            candidates: context.candidates, team: context.team)
    }

    /// The kernel of the convolution: one that runs band by band.
    static func kernel(
        _ operation: PooledConvolution, _ context: StepPlanningContext
    ) throws(EngineError) -> (candidate: DirectCandidate, rejected: [KernelRejection]) {
        let choice = try context.candidates.choose(
            for: operation.convolution.layer(operation.middle(context)), inBands: true, node: context.node)
        guard let direct = choice.candidate as? DirectCandidate else {
            throw EngineError(.internalError, context.node, "kernel \(choice.candidate.name) takes no bands")
        }
        return (direct, choice.rejected)
    }
}
