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

    public init(chosen: [String] = [], forbidden: [String] = []) {
        self.chosen = chosen
        self.forbidden = forbidden
    }

    /// What `RESNET_ENGINE_IMPL` and `RESNET_ENGINE_SKIP_IMPL` say: patterns separated by commas.
    public static var environment: KernelFilter {
        func patterns(_ name: String) -> [String] {
            getenv(name).map { Self.patterns(String(cString: $0)) } ?? []
        }
        return KernelFilter(
            chosen: patterns("RESNET_ENGINE_IMPL"), forbidden: patterns("RESNET_ENGINE_SKIP_IMPL"))
    }

    /// Patterns separated by commas.
    public static func patterns(_ list: String) -> [String] { list.split(separator: ",").map(String.init) }

    /// The first pattern that forbids a kernel.
    func forbids(_ kernel: String) -> String? { forbidden.first { Self.matches(kernel, $0) } }

    /// Whether a kernel is one of those chosen.
    func chooses(_ kernel: String) -> Bool { chosen.contains { Self.matches(kernel, $0) } }

    /// - Throws: `usage` for a pattern of no kernel's name.
    func check(_ kernels: [String]) throws(EngineError) {
        for (flag, patterns) in [("--impl", chosen), ("--skip-impl", forbidden)] {
            for pattern in patterns where !kernels.contains(where: { Self.matches($0, pattern) }) {
                throw EngineError(
                    .usage, flag, "'\(pattern)' is no kernel's name",
                    expected: "a pattern such as \(kernels.first.map { "'\($0)'" } ?? "'conv*'")")
            }
        }
    }

    /// Whether a name is one of the pattern.
    public static func matches(_ name: String, _ pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}
