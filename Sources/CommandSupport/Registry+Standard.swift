import PreActivation
import ResNetD
import ResNetEngine
import SqueezeExcitation

#if ONEDNN
    import OneDNNConvolution
#endif

extension Registry {
    /// What is built in, and the plugins that the commands bring.
    public static let standard: Registry = {
        var registry = Registry.builtin
        var plugins = [Plugin.preActivation, .squeezeExcitation, .resNetD]
        #if ONEDNN
            plugins.append(.oneDNNConvolution)
        #endif
        for plugin in plugins {
            // Their names are no one else's: a test registers them.
            try? registry.register(plugin)
        }
        return registry
    }()
}
