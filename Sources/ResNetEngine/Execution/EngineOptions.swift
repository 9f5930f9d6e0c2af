import Diagnostics
import Topology

/// How an engine runs a model. Nothing here changes a result but `mode` and `isa`.
public struct EngineOptions: Sendable {
    /// Worker slots, 1 … 1024; `nil`: the cores that this process may really use.
    public var threads: Int?
    /// The highest instruction set to use; `nil`: the machine's.
    public var isa: ISALevel?
    public var executor: ExecutorKind = .dispatch
    public var pin: PinPolicy = .auto
    public var mode: BatchNormalizationMode = .running
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
    /// Weights packed for the kernels.
    public var packed: Int
    /// Activations and statistics.
    public var workspace: Int
    /// Images and results of one batch.
    public var batch: Int

    public var total: Int { weights + packed + workspace + batch }
}
