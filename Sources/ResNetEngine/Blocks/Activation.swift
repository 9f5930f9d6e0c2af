/// An operation that a network applies wherever its layers say ReLU: of one input, whose shape it keeps.
public struct Activation: Sendable {
    public let operation: any Operation
    /// What errors call it.
    public let name: String

    public init(_ operation: any Operation, of name: String? = nil) {
        self.operation = operation
        self.name = name ?? operation.identifier
    }
}
