import Diagnostics
import Topology

/// What networks can be made of. A value: what is registered in one is in no other.
public struct Registry: Sendable {
    /// The version of what plugins can build on. It rises when something is added to it.
    public static let interface = 1

    /// All that this package brings.
    public static let builtin: Registry = {
        var registry = Registry()
        for block in [ResidualBlock(), BasicBlock(), Bottleneck()] as [any BlockVariant] {
            registry.blocks.append(Entry(value: block, plugin: "built in"))
        }
        return registry
    }()

    /// Something registered, and the name of the plugin that brought it.
    public struct Entry<Value: Sendable>: Sendable {
        public let value: Value
        public let plugin: String
    }

    /// Block variants, in order of registration.
    public private(set) var blocks: [Entry<any BlockVariant>] = []
    /// Kernels of convolutions besides those of the instruction sets, in order of registration.
    public private(set) var convolutions: [Entry<any ConvolutionCandidate>] = []

    /// Adds all that a plugin brings, or nothing.
    ///
    /// - Throws: `unavailable` naming the plugin when it needs a later interface, or brings a name that is taken.
    public mutating func register(_ plugin: Plugin) throws(EngineError) {
        guard (1...Self.interface).contains(plugin.interface) else {
            throw EngineError(
                .unavailable, "plugin \(plugin.name)", "needs interface \(plugin.interface)",
                expected: "1 to \(Self.interface)")
        }
        var result = self
        for block in plugin.blocks {
            if let other = result.blocks.first(where: { $0.value.name == block.name }) {
                throw EngineError(
                    .unavailable, "plugin \(plugin.name)", "block '\(block.name)' is taken (\(other.plugin))",
                    expected: "another name")
            }
            result.blocks.append(Entry(value: block, plugin: plugin.name))
        }
        for kernel in plugin.convolutions {
            let taken = Self.builtinKernels.union(result.convolutions.map(\.value.name))
            guard !taken.contains(kernel.name), !kernel.name.isEmpty else {
                throw EngineError(
                    .unavailable, "plugin \(plugin.name)", "kernel '\(kernel.name)' is taken",
                    expected: "another name")
            }
            result.convolutions.append(Entry(value: kernel, plugin: plugin.name))
        }
        self = result
    }

    private static let builtinKernels = Set(
        // The tables of other instruction sets hold code that this machine may not run.
        ISALevel.allCases.filter { $0 <= .detected }.flatMap {
            ConvolutionCandidates(KernelSelection.table(for: $0)).all.map(\.name)
        })

    /// The block variant of that name.
    ///
    /// - Throws: `unavailable` with the names that there are.
    public func block(named name: String) throws(EngineError) -> any BlockVariant {
        guard let entry = blocks.first(where: { $0.value.name == name }) else {
            throw EngineError(
                .unavailable, "block '\(name)'", "not registered",
                expected: "one of " + blocks.map(\.value.name).joined(separator: ", "))
        }
        return entry.value
    }
}
