/// What a package adds to a ``Registry``: made against the public interface alone.
public struct Plugin: Sendable {
    /// Stands in error messages.
    public let name: String
    /// The lowest ``Registry/interface`` that the plugin needs.
    public let interface: Int
    public let operations: [OperationKind]
    public let blocks: [any BlockVariant]
    public let convolutions: [any ConvolutionCandidate]

    public init(
        _ name: String, interface: Int = 1, operations: [OperationKind] = [], blocks: [any BlockVariant] = [],
        convolutions: [any ConvolutionCandidate] = []
    ) {
        self.name = name
        self.interface = interface
        self.operations = operations
        self.blocks = blocks
        self.convolutions = convolutions
    }
}
