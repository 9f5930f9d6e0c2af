import Diagnostics
import Kernels

/// What one image costs an operation.
public struct Cost: Sendable, Hashable {
    /// Floating-point operations as the model is written: 2 a multiply-add, padded taps included.
    public var flops: Int
    /// Bytes of float32 parameters.
    public var parameterBytes: Int

    public init(flops: Int, parameterBytes: Int = 0) {
        self.flops = flops
        self.parameterBytes = parameterBytes
    }
}

/// How strictly an operation's float32 result may be compared with float64.
public enum AccuracyClass: Sendable, Hashable {
    /// Moves or selects values: equal.
    case exact
    /// Rounds a few times an output.
    case rounding
    /// Sums `terms` products an output, each rounded.
    case sum(terms: Int)
    /// The same by way of sums and differences of inputs, of weights and of products.
    case winograd(terms: Int)
    /// The same, the sums and differences of inputs and of weights rounded to bfloat16.
    case winogradOfPairs(terms: Int)
}

/// What an operation asks of one of its inputs.
public struct InputRequirement: Sendable {
    /// Zero rows and columns around the map that the operation reads.
    public var halo: Int
    /// May read `c h w` rows instead of channel blocks.
    public var acceptsPlanar: Bool
    /// May write its output over this input, if nothing else reads that.
    public var overwritable: Bool
    /// May read bfloat16 numbers: ``Layout/blockedPairs``.
    public var acceptsBFloat16 = false
    /// May read bfloat16 numbers of whole channels: ``Layout/planarPairs``.
    public var acceptsPlanarBFloat16 = false
    /// Whether it must hold numbers as the output does, float32 or bfloat16.
    public var matchesOutput = false

    public init(halo: Int = 0, acceptsPlanar: Bool = false, overwritable: Bool = false) {
        self.halo = halo
        self.acceptsPlanar = acceptsPlanar
        self.overwritable = overwritable
    }
}

/// One kind of operation: what it computes, its cost, its reference and how it becomes a step.
///
/// All shapes exclude the batch. An operation carries its weights and is immutable.
public protocol Operation: Sendable {
    /// Stable name of the kind: `convolution`.
    var identifier: String { get }
    /// Rises when the meaning of the operation's attributes changes.
    var version: Int { get }
    /// - Throws: `badData` naming `node` when the inputs do not fit.
    func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape
    func cost(_ inputs: [FeatureShape]) -> Cost
    var accuracy: AccuracyClass { get }
    /// The operation in float64, for a whole batch, by its definition.
    func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor
    /// The operation itself if the planner turns it into a step: known at once, where a cast would look through all types
    /// first. Types that conform to ``PlannableOperation`` where they are declared need not write it.
    var plannable: (any PlannableOperation)? { get }
}

extension Operation {
    public var plannable: (any PlannableOperation)? { nil }
}

/// An operation that the planner turns into a step.
public protocol PlannableOperation: Operation {
    func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement
    /// Images whose features share one reading of the step's weights, if it is to be worth it. A step may get fewer, or
    /// more where one before it asks for more.
    ///
    /// - Parameter output: features of one image.
    func imagesAtOnce(output: FeatureShape) -> Int
    /// Whether the operation may write bfloat16 numbers: ``Layout/blockedPairs``.
    var makesBFloat16: Bool { get }
    /// Names of all kernels, candidates for convolutions apart, that an operation of a plugin may name as its choice;
    /// those of this package stand in `BuiltinKernels`.
    var kernels: [String] { get }
    /// The kernel that the step will run, and the candidates before it.
    func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice
    /// Bytes of weights that the step will pack.
    func packedBytes(_ context: StepPlanningContext) throws(EngineError) -> Int
    /// Floats that the step needs for itself while it runs, in each worker.
    func scratchCount(_ context: StepPlanningContext) throws(EngineError) -> Int
    func step(_ context: StepPlanningContext) throws(EngineError) -> any Step
    /// The layer as `resnet-bench layer` takes it, of one image; nil where that command does not time it.
    func problem(_ context: StepPlanningContext) -> LayerProblem?
}

/// A picked kernel by name, and why others were not picked.
public struct KernelChoice: Sendable {
    /// `family.type.tile.isa`.
    public var name: String
    public var rejected: [KernelRejection]

    public init(name: String, rejected: [KernelRejection] = []) {
        self.name = name
        self.rejected = rejected
    }
}

extension PlannableOperation {
    public var plannable: (any PlannableOperation)? { self }
    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        InputRequirement()
    }
    public func imagesAtOnce(output: FeatureShape) -> Int { 1 }
    public var makesBFloat16: Bool { false }
    public var kernels: [String] { [] }
    public func problem(_ context: StepPlanningContext) -> LayerProblem? { nil }
    public func packedBytes(_ context: StepPlanningContext) throws(EngineError) -> Int { 0 }
    public func scratchCount(_ context: StepPlanningContext) throws(EngineError) -> Int { 0 }
}
