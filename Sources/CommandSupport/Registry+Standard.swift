import PreActivation
import ResNetD
import ResNetEngine
import SqueezeExcitation

extension Registry {
    /// What is built in, and the plugins that the commands bring.
    public static let standard: Registry = {
        var registry = Registry.builtin
        for plugin in [Plugin.preActivation, .squeezeExcitation, .resNetD] {
            // Their names are no one else's: a test registers them.
            try? registry.register(plugin)
        }
        return registry
    }()
}
