import Diagnostics

/// Where workers run.
public enum PinPolicy: Sendable, Hashable {
    /// ``core`` when the workers fill all usable cores, else ``none``: two processes that each use a part of the
    /// machine must not fight for its first cores.
    case auto
    /// The system decides.
    case none
    /// One worker a core, then their SMT siblings.
    case core
    /// These CPUs, in this order.
    case list([Int])

    /// Reads `auto`, `none`, `core` or `list:0,2-5`.
    ///
    /// - Throws: `usage` that names `--pin`.
    public init(parsing text: String) throws(EngineError) {
        switch text {
        case "auto": self = .auto
        case "none": self = .none
        case "core": self = .core
        default:
            guard text.hasPrefix("list:") else {
                throw EngineError(.usage, "--pin", "'\(text)'", expected: "auto, none, core or list:0,2-5")
            }
            self = .list(try CPUSet.orderedList(parsing: String(text.dropFirst(5)), subject: "--pin"))
        }
    }
}

extension PinPolicy: CustomStringConvertible {
    /// The policy as ``init(parsing:)`` reads it.
    public var description: String {
        switch self {
        case .auto: "auto"
        case .none: "none"
        case .core: "core"
        case .list(let cpus): "list:" + cpus.map(String.init).joined(separator: ",")
        }
    }
}
