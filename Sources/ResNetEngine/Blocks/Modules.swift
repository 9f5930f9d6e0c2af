import Diagnostics
import Tensors

/// How a parameter starts before any training: PyTorch's defaults.
public enum Initialization: Sendable, Hashable {
    /// Uniform in ± the kaiming bound of a weight with that fan-in.
    case kaimingUniform(fanIn: Int)
    /// Uniform in ± 1 / √fan-in.
    case biasUniform(fanIn: Int)
    case constant(Float)
    /// An integer zero: `num_batches_tracked`.
    case counter
}

/// How all weights of a network start.
public enum InitializationScheme: Sendable, Hashable {
    /// As the modules initialise themselves.
    case standard
    /// As torchvision's ResNets: then every convolution's weight is drawn again, normal with variance 2 / fan-out (He et
    /// al., "Delving Deep into Rectifiers", 2015).
    case heNormal
}

/// A named tensor that a network needs.
public struct ParameterSpecification: Sendable, Hashable {
    public let name: String
    public let shape: [Int]
    public let initialization: Initialization
}

/// A layer as PyTorch has it: its parameters, how it prints itself, and its operation once parameters are known.
public protocol LayerModule: Sendable {
    /// Parameters and buffers without their path, in order of construction.
    var parameters: [ParameterSpecification] { get }
    /// What PyTorch prints: `ReLU()`.
    var summary: String { get }
    /// The module's operation.
    ///
    /// - Parameters:
    ///   - path: the module's path.
    ///   - context: finds the module's tensors under that path.
    func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation
}

/// Where operations get their tensors from, and how they are to treat batch statistics.
public struct ParameterContext: Sendable {
    public let state: StateDictionary
    public let mode: BatchNormalizationMode

    /// - Throws: `badData` naming the tensor when it is missing.
    public func tensor(_ path: String, _ name: String) throws(EngineError) -> Tensor {
        guard let tensor = state.tensor("\(path).\(name)") else {
            throw EngineError(.badData, "tensor \(path).\(name)", "missing")
        }
        return tensor
    }
}

public struct Conv2d: LayerModule {
    public var geometry: Convolution2D.Geometry
    public var hasBias: Bool

    public init(_ geometry: Convolution2D.Geometry, bias: Bool = true) {
        self.geometry = geometry
        hasBias = bias
    }

    public init(
        _ inputChannels: Int, _ outputChannels: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        bias: Bool = true
    ) {
        self.init(
            Convolution2D.Geometry(
                inputChannels: inputChannels, outputChannels: outputChannels, kernel: kernel, stride: stride,
                padding: padding),
            bias: bias)
    }

    public var parameters: [ParameterSpecification] {
        let fanIn = geometry.weightShape.dropFirst().reduce(1, *)
        let weight = ParameterSpecification(
            name: "weight", shape: geometry.weightShape, initialization: .kaimingUniform(fanIn: fanIn))
        let bias = ParameterSpecification(
            name: "bias", shape: [geometry.outputChannels], initialization: .biasUniform(fanIn: fanIn))
        return hasBias ? [weight, bias] : [weight]
    }

    public var summary: String {
        let g = geometry
        var line = "Conv2d(\(g.inputChannels), \(g.outputChannels)"
        line +=
            ", kernel_size=(\(g.kernelHeight), \(g.kernelWidth)), stride=(\(g.strideHeight), \(g.strideWidth))"
        if (g.paddingHeight, g.paddingWidth) != (0, 0) {
            line += ", padding=(\(g.paddingHeight), \(g.paddingWidth))"
        }
        if (g.dilationHeight, g.dilationWidth) != (1, 1) {
            line += ", dilation=(\(g.dilationHeight), \(g.dilationWidth))"
        }
        if g.groups != 1 { line += ", groups=\(g.groups)" }
        return line + (hasBias ? ")" : ", bias=False)")
    }

    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try Convolution2D(
            geometry, weight: context.tensor(path, "weight"),
            bias: hasBias ? context.tensor(path, "bias") : nil, node: path)
    }
}

public struct BatchNorm2d: LayerModule {
    public var channels: Int
    public var epsilon: Double
    public var momentum: Double

    public init(_ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
        self.channels = channels
        self.epsilon = epsilon
        self.momentum = momentum
    }

    public var parameters: [ParameterSpecification] {
        let starts: [(String, Initialization)] = [
            ("weight", .constant(1)), ("bias", .constant(0)), ("running_mean", .constant(0)),
            ("running_var", .constant(1)),
        ]
        return starts.map { ParameterSpecification(name: $0.0, shape: [channels], initialization: $0.1) }
            + [ParameterSpecification(name: "num_batches_tracked", shape: [], initialization: .counter)]
    }

    public var summary: String {
        let epsilon = epsilon == 1e-5 ? "1e-05" : "\(epsilon)"
        return
            "BatchNorm2d(\(channels), eps=\(epsilon), momentum=\(momentum), affine=True, track_running_stats=True)"
    }

    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try BatchNormalization(
            module: path, mode: context.mode, epsilon: epsilon, momentum: momentum,
            weight: context.tensor(path, "weight"), bias: context.tensor(path, "bias"),
            runningMean: context.tensor(path, "running_mean"),
            runningVariance: context.tensor(path, "running_var"))
    }
}

public struct ReLUModule: LayerModule {
    /// Whether the summary says so; nothing else depends on it.
    public var inPlace: Bool

    public init(inPlace: Bool = false) { self.inPlace = inPlace }

    public var parameters: [ParameterSpecification] { [] }
    public var summary: String { inPlace ? "ReLU(inplace=True)" : "ReLU()" }
    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        ReLU()
    }
}

public struct LinearModule: LayerModule {
    public var inputs: Int
    public var outputs: Int

    public init(_ inputs: Int, _ outputs: Int) {
        self.inputs = inputs
        self.outputs = outputs
    }

    public var parameters: [ParameterSpecification] {
        [
            ParameterSpecification(
                name: "weight", shape: [outputs, inputs], initialization: .kaimingUniform(fanIn: inputs)),
            ParameterSpecification(
                name: "bias", shape: [outputs], initialization: .biasUniform(fanIn: inputs)),
        ]
    }

    public var summary: String { "Linear(in_features=\(inputs), out_features=\(outputs), bias=True)" }

    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try Linear(weight: context.tensor(path, "weight"), bias: context.tensor(path, "bias"), node: path)
    }
}
