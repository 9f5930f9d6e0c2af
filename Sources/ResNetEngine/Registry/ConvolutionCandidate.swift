import Diagnostics

/// Whether a kernel can compute a layer.
public enum KernelSupport: Sendable, Hashable {
    case yes
    case no(reason: String)
}

/// Kernels of one class give a layer's results the same bits, so that ``KernelTuning`` may take one for another.
public struct NumericClass: Sendable, Hashable {
    public let name: String
    /// Whether the products summed are those of the operation's definition.
    public let keepsDefinition: Bool

    public init(_ name: String, keepsDefinition: Bool) {
        self.name = name
        self.keepsDefinition = keepsDefinition
    }

    /// Products of the definition, summed by channel block, kernel row, kernel column and channel.
    public static let direct = NumericClass("direct", keepsDefinition: true)
    /// Winograd's F(4×4, 3×3).
    public static let winograd4x4 = NumericClass("winograd4x4", keepsDefinition: false)
}

/// One way to compute convolutions.
///
/// Of which numeric class the candidate is that computes a layer depends on the layer, the instruction set and options
/// alone, never on the batch, the number of threads, the machine's caches or what was measured: a row has the same bits in
/// every batch. So does what a candidate answers.
public protocol ConvolutionCandidate: Sendable {
    /// `family.type.tile.isa`, unique in a registry.
    var name: String { get }
    var numericClass: NumericClass { get }
    func support(_ layer: ConvolutionLayer) -> KernelSupport
    /// How many cycles of one core an image of a layer that it supports is expected to take; infinity for a kernel that is
    /// taken only where an option names it.
    func cycles(_ layer: ConvolutionLayer) -> Double
    /// Bytes of weights that its step packs.
    func packedBytes(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) -> Int
    /// Floats that its step needs for itself while it runs, in each worker.
    func scratchCount(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) -> Int
    func step(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) -> any Step
}

extension ConvolutionCandidate {
    public func scratchCount(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int { 0 }
}
