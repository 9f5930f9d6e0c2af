/// A kind of operation that a registry knows: a name, the versions of its meaning, and what has no parameters ready to use.
public struct OperationKind: Sendable {
    /// As ``Operation/identifier``.
    public let identifier: String
    /// Versions of the operation's meaning that this one computes.
    public let versions: ClosedRange<Int>
    /// The operation of a version, where it has no parameters; nil for one that a layer makes of its weights.
    public let make: (@Sendable (_ version: Int) -> any Operation)?

    public init(
        _ identifier: String, versions: ClosedRange<Int> = 1...1,
        make: (@Sendable (_ version: Int) -> any Operation)? = nil
    ) {
        self.identifier = identifier
        self.versions = versions
        self.make = make
    }

    static let builtin = [
        OperationKind("add") { _ in Add() },
        OperationKind("batch-normalization"),
        OperationKind("channel-affine-sum"),
        OperationKind("convolution"),
        OperationKind("flatten") { _ in Flatten() },
        OperationKind("linear"),
        OperationKind("pooled-convolution"),
        OperationKind("pooling"),
        OperationKind("relu") { _ in ReLU() },
    ]
}
