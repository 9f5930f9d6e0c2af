import COneDNN
import ResNetEngine

extension Plugin {
    /// Convolutions by the system's oneDNN, to compare with: taken only where an option names `onednn*`.
    public static let oneDNNConvolution = Plugin("OneDNNConvolution", convolutions: [OneDNNCandidate()])
}

/// Convolution by the system's oneDNN, in float32 by the definition, one image at a time on the worker's own thread.
///
/// oneDNN uses the best instruction set of the machine, whatever the engine's is. It allocates some small blocks at every
/// run, so that batches are not free of allocations as they are with the engine's own kernels.
public struct OneDNNCandidate: ConvolutionCandidate {
    /// How the features lie that a step reads and writes.
    public enum Features: Sendable {
        /// As the engine's: oneDNN copies them into a layout that it can take, and its result back.
        case engine
        /// As oneDNN likes them best, in the memory of the engine's: what a network laid out for oneDNN would take. To
        /// time single layers with; a network's other steps would misread the features.
        case oneDNN
    }

    private let features: Features

    public init(features: Features = .engine) { self.features = features }

    /// The version of the library in use: `2.6.3`.
    public static var libraryVersion: String {
        var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
        conednn_version(&major, &minor, &patch)
        return "\(major).\(minor).\(patch)"
    }

    public var name: String { features == .engine ? "onednn.f32.any.jit" : "onednn-alone.f32.any.jit" }
    public var numericClass: NumericClass { NumericClass("onednn", keepsDefinition: true) }

    /// oneDNN has an implementation for every geometry, a general one at worst.
    public func support(_ layer: ConvolutionLayer) -> KernelSupport {
        features == .oneDNN && layer.residual == .apart
            ? .no(reason: "residual of its own, takes one in place") : .yes
    }

    public func cycles(_ layer: ConvolutionLayer) -> Double { .infinity }

    public func packedBytes(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        try primitive(operation, context).packedBytes
    }

    public func scratchCount(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        try primitive(operation, context).scratchCount
    }

    public func step(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> any Step {
        let packed = try primitive(operation, context)
        try packed.pack(operation, node: context.node)
        return OneDNNStep(packed, operation, features, context)
    }

    private func primitive(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> OneDNNPrimitive {
        try OneDNNPrimitive(operation, features, context)
    }
}
