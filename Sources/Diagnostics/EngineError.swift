/// The one error type of this package: what was wrong, where, and what was expected instead.
///
/// The `code` is stable and decides the exit status of the commands; the message is for people.
public struct EngineError: Error, Sendable, Equatable {
    /// The kinds of failure. The raw value is what stands in `error[…]`.
    public enum Code: String, Sendable, CaseIterable {
        /// A comparison was made and failed.
        case comparison
        /// A flag, option or argument has no meaning here.
        case usage
        /// A model, its weights or an input is malformed or does not fit.
        case badData = "bad-data"
        /// An input file does not exist or cannot be opened.
        case missingInput = "missing-input"
        /// A plugin or an instruction set is not available on this machine.
        case unavailable
        /// A defect of this package.
        case internalError = "internal"
        /// The system, or a limit that the user set, refused memory or another resource.
        case resource
        /// An output cannot be created.
        case cannotCreate = "cannot-create"
        /// Reading or writing failed after opening succeeded.
        case inputOutput = "io"
        /// The work was interrupted and can be resumed.
        case interrupted

        /// The exit status of a command that ends with this code (sysexits.h).
        public var exitStatus: Int32 {
            switch self {
            case .comparison: 1
            case .usage: 64
            case .badData: 65
            case .missingInput: 66
            case .unavailable: 69
            case .internalError: 70
            case .resource: 71
            case .cannotCreate: 73
            case .inputOutput: 74
            case .interrupted: 75
            }
        }
    }

    public let code: Code
    /// The file, flag, tensor or node that is at fault.
    public let subject: String
    /// What was found there.
    public let found: String
    /// What would have been right; empty where nothing more can be said.
    public let expected: String

    public init(_ code: Code, _ subject: String, _ found: String, expected: String = "") {
        self.code = code
        self.subject = subject
        self.found = found
        self.expected = expected
    }

    public var exitStatus: Int32 { code.exitStatus }
}

extension EngineError: CustomStringConvertible {
    /// One line: `error[code]: subject: found, expected …`.
    public var description: String {
        let tail = expected.isEmpty ? "" : ", expected \(expected)"
        let line = "error[\(code.rawValue)]: \(subject): \(found)\(tail)"
        return String(line.map { $0.isNewline ? " " : $0 })
    }
}
