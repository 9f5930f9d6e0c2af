import CEnginePlugin
import ResNetEngine

extension Plugin {
    /// Loads a plugin from a shared library that `resnet_engine_plugin.h` describes. It stays loaded until the process ends.
    ///
    /// - Throws: `missingInput` for a file that cannot be read; `unavailable` naming the file for one of another
    ///   architecture, without the plugin's symbols, that needs a later interface, whose descriptions are not those of the
    ///   interface it names, or that says that it cannot start.
    public static func load(_ path: String) throws(EngineError) -> Plugin {
        let library = try PluginLibrary(path)
        typealias Interface = @convention(c) () -> UInt32
        let lowest = unsafeBitCast(
            try library.symbol("resnet_engine_plugin_interface"), to: Interface.self)()
        guard (1...UInt32(Registry.interface)).contains(lowest) else {
            throw PluginLibrary.refusal(
                path, "needs interface \(lowest)", expected: "1 to \(Registry.interface)")
        }
        typealias Entry =
            @convention(c) (
                UnsafePointer<re_host>, UnsafeMutablePointer<re_plugin>, UnsafePointer<re_messages>
            ) -> Int32
        let entry = unsafeBitCast(try library.symbol("resnet_engine_plugin"), to: Entry.self)
        var host = re_host(size: MemoryLayout<re_host>.size, interface: UInt32(Registry.interface))
        var plugin = re_plugin()
        plugin.size = MemoryLayout<re_plugin>.size
        if let failure = PluginCall.failure({ entry(&host, &plugin, $0) }) {
            throw PluginLibrary.refusal(path, "cannot start, \(failure)", expected: "status 0")
        }
        guard plugin.interface == lowest else {
            throw PluginLibrary.refusal(
                path, "needs interface \(lowest) and describes itself for \(plugin.interface)",
                expected: "the same")
        }
        guard let name = PluginCall.text(plugin.name), let version = PluginCall.text(plugin.version) else {
            throw PluginLibrary.refusal(path, "has no name or no version", expected: "both")
        }
        let subject = "\(name) \(version)"
        var operations: [OperationKind] = []
        for description in try descriptions(plugin.operations, plugin.operation_count, path) {
            operations.append(try LoadedOperation.kind(description, plugin: subject, path))
        }
        var convolutions: [any ConvolutionCandidate] = []
        for description in try descriptions(plugin.convolutions, plugin.convolution_count, path) {
            convolutions.append(try LoadedConvolution(description, plugin: subject, path))
        }
        return Plugin(
            subject, interface: Int(lowest), operations: operations, convolutions: convolutions)
    }

    /// What a plugin lists. Every description begins with its size.
    private static func descriptions<T>(
        _ list: UnsafePointer<UnsafePointer<T>?>?, _ count: Int, _ path: String
    ) throws(EngineError) -> [UnsafePointer<T>] {
        guard count > 0 else { return [] }
        guard let list, count <= 1 << 16 else {
            throw PluginLibrary.refusal(path, "lists \(count) descriptions", expected: "a list of them")
        }
        var result: [UnsafePointer<T>] = []
        for index in 0..<count {
            guard let description = list[index] else {
                throw PluginLibrary.refusal(path, "has no description \(index)", expected: "\(count) of them")
            }
            let size = UnsafeRawPointer(description).load(as: Int.self)
            guard size >= MemoryLayout<T>.size else {
                throw PluginLibrary.refusal(
                    path,
                    "describes with \(size) bytes what interface \(Registry.interface) describes with more",
                    expected: "\(MemoryLayout<T>.size)")
            }
            result.append(description)
        }
        return result
    }
}
