import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Kernels chosen and forbidden by name, in patterns of `*`, `?` and `[…]`: `winograd*`, `*.avx2`.
public struct KernelFilter: Sendable, Hashable {
    /// Where a layer has a kernel of one of these patterns, others are not taken.
    public var chosen: [String]
    /// Never taken.
    public var forbidden: [String]
    /// What errors and reasons name as the origin of each: a flag, or a variable of the environment.
    public private(set) var chosenBy = "--impl"
    public private(set) var forbiddenBy = "--skip-impl"

    public init(chosen: [String] = [], forbidden: [String] = []) {
        self.chosen = chosen
        self.forbidden = forbidden
    }

    /// Patterns separated by commas: those of a flag, or where it is not given those of the variable
    /// `RESNET_ENGINE_IMPL` or `RESNET_ENGINE_SKIP_IMPL`.
    public init(impl: String?, skipImpl: String?) {
        func patterns(_ list: String) -> [String] { list.split(separator: ",").map(String.init) }
        func given(_ flag: String?, _ variable: String, _ origin: inout String) -> [String] {
            if let flag { return patterns(flag) }
            guard let value = getenv(variable) else { return [] }
            origin = variable
            return patterns(String(cString: value))
        }
        self.init()
        chosen = given(impl, "RESNET_ENGINE_IMPL", &chosenBy)
        forbidden = given(skipImpl, "RESNET_ENGINE_SKIP_IMPL", &forbiddenBy)
    }

    /// Whether it leaves everything as it is.
    var isEmpty: Bool { chosen.isEmpty && forbidden.isEmpty }

    /// The first pattern that forbids a kernel.
    func forbids(_ kernel: String) -> String? { forbidden.first { Self.matches(kernel, $0) } }

    /// Whether a kernel is one of those chosen.
    func chooses(_ kernel: String) -> Bool { chosen.contains { Self.matches(kernel, $0) } }

    /// - Throws: `usage` for a pattern of no kernel's name.
    func check(_ kernels: [String]) throws(EngineError) {
        for (origin, patterns) in [(chosenBy, chosen), (forbiddenBy, forbidden)] {
            for pattern in patterns where !kernels.contains(where: { Self.matches($0, pattern) }) {
                throw EngineError(
                    .usage, origin, "'\(pattern)' is no kernel's name",
                    expected: "a pattern such as \(kernels.first.map { "'\($0)'" } ?? "'conv*'")")
            }
        }
    }

    /// Whether a name is one of the pattern.
    public static func matches(_ name: String, _ pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}
