import Diagnostics

/// A variant of the residual block: a function from (builder, input edge, channels, stride) to an output edge.
public protocol BlockVariant: Sendable {
    /// The name by which commands choose it: `notebook`.
    static var name: String { get }
    /// The class name in the printed summary.
    var className: String { get }
    /// Declares the block's layers in the builder's scope, then applies them to `input`.
    func build(
        _ builder: inout NetworkBuilder, input: Edge, inputChannels: Int, outputChannels: Int, stride: Int
    ) throws(EngineError) -> Edge
}
