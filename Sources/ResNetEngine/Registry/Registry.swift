import Diagnostics
import Topology

/// What networks can be made of. A value: what is registered in one is in no other.
public struct Registry: Sendable {
    /// The version of what plugins can build on. It rises when something is added to it.
    public static let interface = 1

    /// All that this package brings.
    public static let builtin: Registry = {
        var registry = Registry()
        registry.operations = OperationKind.builtin.map { Entry(value: $0, plugin: "built in") }
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

    /// Kinds of operations, in order of registration; those of one name have versions that follow on each other.
    public private(set) var operations: [Entry<OperationKind>] = []
    /// Block variants, in order of registration.
    public private(set) var blocks: [Entry<any BlockVariant>] = []
    /// Kernels of convolutions besides those of the instruction sets, in order of registration.
    public private(set) var convolutions: [Entry<any ConvolutionCandidate>] = []

    /// Adds all that a plugin brings, or nothing.
    ///
    /// - Throws: `unavailable` naming the plugin when it needs a later interface, brings a name that is taken, or versions
    ///   of an operation that leave a gap to those registered.
    public mutating func register(_ plugin: Plugin) throws(EngineError) {
        let names =
            plugin.operations.map(\.identifier) + plugin.blocks.map(\.name) + plugin.convolutions.map(\.name)
        if let name = names.first(where: { !Self.isName($0) }) {
            throw EngineError(
                .unavailable, "plugin \(plugin.name)", "the name '\(name)'",
                expected: "letters, digits, '.', '_' and '-'")
        }
        guard (1...Self.interface).contains(plugin.interface) else {
            throw EngineError(
                .unavailable, "plugin \(plugin.name)", "needs interface \(plugin.interface)",
                expected: "1 to \(Self.interface)")
        }
        var result = self
        for kind in plugin.operations { try result.add(kind, plugin.name) }
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
            guard !taken.contains(kernel.name) else {
                throw EngineError(
                    .unavailable, "plugin \(plugin.name)", "kernel '\(kernel.name)' is taken",
                    expected: "another name")
            }
            result.convolutions.append(Entry(value: kernel, plugin: plugin.name))
        }
        self = result
    }

    /// Whether options and reports can tell a name from their own signs.
    package static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 < 0x80 }
            && name.allSatisfy { $0.isLetter || $0.isNumber || "._-".contains($0) }
    }

    private mutating func add(_ kind: OperationKind, _ plugin: String) throws(EngineError) {
        func refusal(_ found: String, expected: String) -> EngineError {
            EngineError(.unavailable, "plugin \(plugin)", found, expected: expected)
        }
        let name = "operation '\(kind.identifier)'"
        guard kind.versions.lowerBound >= 1 else {
            throw refusal("\(name) of versions \(kind.versions)", expected: "versions from 1 on")
        }
        let others = operations.filter { $0.value.identifier == kind.identifier }
        if let other = others.first(where: { $0.value.versions.overlaps(kind.versions) }) {
            throw refusal(
                "\(name) of versions \(kind.versions) is taken (\(other.plugin), \(other.value.versions))",
                expected: "another name or other versions")
        }
        let next = others.map(\.value.versions.upperBound).max().map { $0 + 1 } ?? 1
        guard kind.versions.lowerBound == next else {
            throw refusal(
                "\(name) of versions \(kind.versions) leaves a gap", expected: "versions from \(next) on")
        }
        operations.append(Entry(value: kind, plugin: plugin))
    }

    private static let builtinKernels = Set(
        // The tables of other instruction sets hold code that this machine may not run.
        ISALevel.allCases.filter { $0 <= .detected }.flatMap {
            ConvolutionCandidates(KernelSelection.table(for: $0)).all.map(\.name)
        })

    /// The kind of operation of that name and version, the latest by default.
    ///
    /// - Throws: `unavailable` with the names, or the versions, that there are.
    public func operation(
        named name: String, version: Int? = nil
    ) throws(EngineError) -> Entry<OperationKind> {
        let known = operations.filter { $0.value.identifier == name }
        guard let latest = known.last else {
            var names: [String] = []
            for entry in operations where !names.contains(entry.value.identifier) {
                names.append(entry.value.identifier)
            }
            throw EngineError(
                .unavailable, "operation '\(name)'", "not registered",
                expected: "one of " + names.joined(separator: ", "))
        }
        guard let version else { return latest }
        guard let entry = known.first(where: { $0.value.versions.contains(version) }) else {
            let brought = known.map { "\($0.value.versions) (\($0.plugin))" }
            throw EngineError(
                .unavailable, "operation '\(name)'", "version \(version) is not registered",
                expected: "one of " + brought.joined(separator: ", "))
        }
        return entry
    }

    /// What may take the place of ReLUs: the latest version of each operation that can, by its name.
    public var activations: [(name: String, value: Activation)] {
        var latest: [(name: String, value: Activation)] = []
        for entry in operations {
            let kind = entry.value
            latest.removeAll { $0.name == kind.identifier }
            guard kind.isActivation, let make = kind.make else { continue }
            let activation = Activation(
                make(kind.versions.upperBound), of: "\(kind.identifier) (\(entry.plugin))")
            latest.append((kind.identifier, activation))
        }
        return latest
    }

    /// The one of ``activations`` with that name.
    ///
    /// - Throws: `unavailable` with the names that there are.
    public func activation(named name: String) throws(EngineError) -> Activation {
        let known = activations
        guard let found = known.first(where: { $0.name == name }) else {
            throw EngineError(
                .unavailable, "activation '\(name)'", "not registered, or no activation",
                expected: "one of " + known.map(\.name).joined(separator: ", "))
        }
        return found.value
    }

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
