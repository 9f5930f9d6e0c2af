import Kernels

/// A graph made executable: phases of stages of steps, every kernel chosen and every tensor placed.
struct Plan: Sendable {
    /// Steps that run one after the other on as many images.
    struct Stage: Sendable {
        var steps: [any Step]
        /// Images that the stage takes at once, a power of two.
        var images: Int
    }

    /// Stages that every worker walks its images through without meeting the others: each takes more images at once than
    /// the one before, which runs as many times first. Workers meet between phases, where the statistics of the whole
    /// batch become known.
    struct Phase: Sendable {
        var prologue: [CoefficientUpdate]
        var stages: [Stage]
    }

    /// Coefficients of one step, to be made from statistics before a phase begins.
    struct CoefficientUpdate: Sendable {
        /// Floats from the start of the coefficient memory.
        var offset: Int
        var normalizations: [BatchNormalization?]
        /// The statistics record of each batch-coupled term.
        var records: [Int?]
        var channels: Int
    }

    /// Statistics of one edge: for each image the means, then the moments, of all channels.
    struct StatisticsRecord: Sendable {
        /// Doubles a row before this record.
        var offset: Int
        /// Channels, padding included.
        var channels: Int
        /// Pixels of one image.
        var area: Int
    }

    /// One use of a normalisation that updates running statistics, in order of the source graph.
    struct RunningUpdate: Sendable {
        var normalization: BatchNormalization
        var record: Int
    }

    var phases: [Phase]
    var inputShape: FeatureShape
    var outputShape: FeatureShape
    /// Images that a worker takes at once.
    var imageGroup: Int
    /// Floats of one worker slot's arena.
    var slotArenaSize: Int
    /// Floats of one worker's scratch memory.
    var scratchSize: Int
    /// Floats a row of the arena that all slots share.
    var batchArenaSize: Int
    /// Doubles a row of the statistics memory.
    var statisticsSize: Int
    /// Floats of the coefficient memory.
    var coefficientSize: Int
    /// Bytes of weights packed for the kernels.
    var packedBytes: Int
    var records: [StatisticsRecord]
    var runningUpdates: [RunningUpdate]
    var summaries: [PlannedStep]
    /// All steps in the order in which they run, those between the network's nodes included.
    var executed: [ExecutedStep] = []
    /// What the passes did.
    var fusions: FusionReport

    /// Whether rows of a batch depend on each other.
    var isBatchCoupled: Bool { !records.isEmpty }
}

/// A step as workers run it: a node of the network, or what stands between nodes.
public struct ExecutedStep: Sendable {
    /// The node's name; `input` and `output` for the copies at both ends, `statistics of …` for those of a batch.
    public let name: String
    /// Index into ``Engine/steps``, or nil for what is no node.
    public let planned: Int?
}

/// A step as it was planned, for reports.
public struct PlannedStep: Sendable {
    /// The source node that does the work.
    public let node: String
    /// Its operation: `convolution`.
    public let operation: String
    public let kernel: String
    public let rejected: [KernelRejection]
    /// Source nodes whose work the step does too.
    public let absorbed: [String]
    public let inputs: [FeatureShape]
    public let output: FeatureShape
    /// Cost of one image.
    public let cost: Cost
    /// Bytes of packed weights.
    public let packedBytes: Int
    /// Bytes of one image's features that the step reads and writes.
    let inputBytes: Int
    let outputBytes: Int
    /// The layer as `resnet-bench layer` takes it, with as many images as the step gets at once; nil for what that
    /// command does not time.
    public internal(set) var problem: LayerProblem?
}
