import Diagnostics
import Topology

/// How an engine runs a model. Nothing here changes a result but `mode`, `isa`, `exact`, `precision`, `objective` and
/// `kernels`.
public struct EngineOptions: Sendable {
    /// Worker slots, 1 … 1024; `nil`: the cores that this process may really use.
    public var threads: Int?
    /// The highest instruction set to use; `nil`: the machine's.
    public var isa: ISALevel?
    public var executor: ExecutorKind = .dispatch
    public var pin: PinPolicy = .auto
    /// Where packed weights lie on a machine of several NUMA nodes.
    public var numa: NUMAPolicy = .auto
    public var mode: BatchNormalizationMode = .running
    /// Keeps layers to the products of their definition: without, 3×3 convolutions of many channels take a quarter of
    /// the multiplications (Winograd's F(4×4, 3×3)), round about as much, and spread an infinity or NaN of one pixel over
    /// the tile of 4×4 results that it is in, or with bfloat16 four ninths (F(2×2, 3×3)), round half as much again, and spread
    /// one over 2×2; and in `running` mode a linear layer is composed with affine layers before
    /// it where that takes fewer.
    public var exact = false
    /// How feature maps are stored and products made. With ``Precision/bfloat16`` results are off by up to some 10⁻² of the
    /// largest, and depend on whether the processor has instructions for it. For `running` mode alone.
    public var precision = Precision.float32
    /// Whether kernels are chosen for batches or for single images.
    public var objective = Objective.throughput
    /// Kernels chosen and forbidden by name.
    public var kernels = KernelFilter()
    /// Measures, when an engine is prepared, which kernel takes a layer fastest among those that give it the same bits;
    /// `nil`: an estimate decides.
    public var tuning: KernelTuning?
    /// Rows for which memory is reserved at prepare; any number can be run.
    public var batch: Int = 32
    /// Predicted bytes above which an engine is refused; the cgroup's limit holds always.
    public var maximumBytes: Int?

    public init() {}
}

/// What an engine is predicted to hold at its peak, in bytes.
public struct MemoryPrediction: Sendable, Hashable {
    /// The model's own weights.
    public var weights: Int
    /// Weights packed for the kernels, all copies.
    public var packed: Int
    /// Activations, statistics and what steps need for themselves.
    public var workspace: Int
    /// Images and results of one batch.
    public var batch: Int

    /// All of it.
    public var total: Int

    /// - Throws: `resource` when the sum is more than can be addressed.
    init(weights: Int, _ plan: Plan, copies: Int, slots: Int, rows: Int) throws(EngineError) {
        self.weights = weights
        var packedSize = ByteCount(subject: "packed weights")
        try packedSize.add(plan.packedBytes, copies)
        packed = packedSize.bytes
        workspace = try Workspace.byteCount(plan, slots: slots, rows: rows)
        var size = ByteCount(subject: "batch of \(rows)")
        try size.add(4, rows, plan.inputShape.elementCount + plan.outputShape.elementCount)
        batch = size.bytes
        for part in [weights, packed, workspace] { try size.add(part) }
        total = size.bytes
    }

    /// - Throws: `resource` naming the limit that it is above.
    func check(_ options: EngineOptions, _ machine: Machine) throws(EngineError) {
        let limits = [
            ("--max-memory", options.maximumBytes),
            ("memory limit of the control group", machine.memoryLimitBytes),
        ]
        for case (let name, let limit?) in limits where total > limit {
            throw EngineError(
                .resource, name, "predicted peak of \(total) bytes", expected: "at most \(limit)")
        }
    }
}
