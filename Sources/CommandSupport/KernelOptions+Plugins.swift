import LoadablePlugins
import ResNetEngine
import Synchronization

extension KernelOptions {
    /// What is built in, the plugins that the commands bring, and those that `--plugin` loads.
    ///
    /// - Throws: as ``Plugin/load(_:)`` and ``Registry/register(_:)``.
    public func registry() throws(EngineError) -> Registry {
        var registry = Registry.standard
        for plugin in try loadedPlugins() { try registry.register(plugin) }
        return registry
    }

    /// The plugins that `--plugin` loads.
    ///
    /// - Throws: as ``Plugin/load(_:)``.
    public func loadedPlugins() throws(EngineError) -> [Plugin] {
        var plugins: [Plugin] = []
        for path in plugin { plugins.append(try LoadedFiles.plugin(at: path)) }
        return plugins
    }
}

/// Plugins of this process by file: each is asked once what it brings.
private enum LoadedFiles {
    private static let known = Mutex<[String: Plugin]>([:])

    static func plugin(at path: String) throws(EngineError) -> Plugin {
        if let plugin = known.withLock({ $0[path] }) { return plugin }
        let plugin = try Plugin.load(path)
        known.withLock { $0[path] = plugin }
        return plugin
    }
}
