/// A kind of operation that a registry knows: a name, the versions of its meaning, and what has no parameters ready to use.
public struct OperationKind: Sendable {
    /// As ``Operation/identifier``.
    public let identifier: String
    /// Versions of the operation's meaning that this one computes.
    public let versions: ClosedRange<Int>
    /// Whether it can take the place of ReLUs: it has no parameters, and one input whose shape its result keeps.
    public let isActivation: Bool
    /// The operation of a version, where it has no parameters; nil for one that a layer makes of its weights.
    public let make: (@Sendable (_ version: Int) -> any Operation)?

    public init(
        _ identifier: String, versions: ClosedRange<Int> = 1...1, isActivation: Bool = true,
        make: (@Sendable (_ version: Int) -> any Operation)? = nil
    ) {
        self.identifier = identifier
        self.versions = versions
        self.isActivation = isActivation && make != nil
        self.make = make
    }

    static let builtin = [
        OperationKind("add", isActivation: false) { _ in Add() },
        OperationKind("batch-normalization"),
        OperationKind("channel-affine-sum"),
        OperationKind("convolution"),
        OperationKind("flatten", isActivation: false) { _ in Flatten() },
        OperationKind("linear"),
        OperationKind("pooled-convolution"),
        OperationKind("pooling"),
        OperationKind("relu") { _ in ReLU() },
    ]
}
