import Diagnostics

/// What a usual block adds to its shortcut: two 3×3 convolutions, or a bottleneck of a 1×1, a 3×3 and a 1×1 one with four
/// times the stage's channels at the end; each without bias and followed by a batch normalisation, with ReLUs between.
///
/// Its layers are `conv1`, `bn1` and so on, and `relu`.
public struct ResidualFunction: Sendable {
    private let convolutions: [LayerReference]
    private let normalizations: [LayerReference]
    /// For use after the addition too.
    public let relu: LayerReference

    /// Declares the layers.
    ///
    /// - Throws: `badData` for groups without a bottleneck.
    public init(
        _ builder: inout NetworkBuilder, _ shape: BlockShape, bottleneck: Bool
    ) throws(EngineError) {
        let geometries = try Self.geometries(shape, bottleneck: bottleneck)
        var relu: LayerReference?
        var (convolutions, normalizations): ([LayerReference], [LayerReference]) = ([], [])
        for (index, geometry) in geometries.enumerated() {
            // PyTorch prints a bottleneck's ReLU last.
            if index == 1, !bottleneck { relu = builder.declare("relu", ReLUModule(inPlace: true)) }
            convolutions.append(builder.declare("conv\(index + 1)", Conv2d(geometry, bias: false)))
            normalizations.append(
                builder.declare("bn\(index + 1)", BatchNorm2d(geometry.outputChannels)))
        }
        self.convolutions = convolutions
        self.normalizations = normalizations
        self.relu = relu ?? builder.declare("relu", ReLUModule(inPlace: true))
    }

    /// Output channels for each channel of the stage.
    public static func expansion(bottleneck: Bool) -> Int { bottleneck ? 4 : 1 }

    /// The convolutions in order; the stride, and the groups of a bottleneck, are the first 3×3 one's.
    ///
    /// - Throws: `badData` for groups without a bottleneck.
    public static func geometries(
        _ shape: BlockShape, bottleneck: Bool
    ) throws(EngineError) -> [Convolution2D.Geometry] {
        typealias Geometry = Convolution2D.Geometry
        let (inputs, channels) = (shape.inputChannels, shape.channels * expansion(bottleneck: bottleneck))
        guard bottleneck else {
            guard shape.groups == 1 else {
                throw EngineError(
                    .badData, "block without a bottleneck", "\(shape.groups) groups", expected: "1")
            }
            return [
                Geometry(
                    inputChannels: inputs, outputChannels: channels, kernel: 3, stride: shape.stride,
                    padding: 1),
                Geometry(inputChannels: channels, outputChannels: channels, kernel: 3, padding: 1),
            ]
        }
        var middle = Geometry(
            inputChannels: shape.width, outputChannels: shape.width, kernel: 3, stride: shape.stride,
            padding: 1)
        middle.groups = shape.groups
        return [
            Geometry(inputChannels: inputs, outputChannels: shape.width, kernel: 1), middle,
            Geometry(inputChannels: shape.width, outputChannels: channels, kernel: 1),
        ]
    }

    public func apply(_ builder: inout NetworkBuilder, to input: Edge) throws(EngineError) -> Edge {
        var edge = input
        for (index, (convolution, normalization)) in zip(convolutions, normalizations).enumerated() {
            if index > 0 { edge = try builder.apply(relu, to: edge) }
            edge = try builder.apply(normalization, to: builder.apply(convolution, to: edge))
        }
        return edge
    }
}
