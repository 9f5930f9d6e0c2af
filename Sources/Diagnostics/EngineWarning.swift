/// Something that a user should know and that did not stop the work: a mask that could not be set, a quota
/// below the number of threads, a weight that is not a number.
public struct EngineWarning: Sendable, Hashable {
    /// A stable kebab-case identifier, for machines.
    public let code: String
    public let message: String

    public init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension EngineWarning: CustomStringConvertible {
    public var description: String { "warning[\(code)]: \(message)" }
}
