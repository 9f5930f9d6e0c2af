import ArgumentParser
import ResNetEngine

/// The options that every command takes: which model, and how it runs.
///
/// They stay text here; ``ModelOptions`` turns them into values with errors that name the flag.
public struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The network: \((["notebook"] + ResNet.presets.map(\.name)).joined(separator: ", ")).",
            valueName: "name"))
    public var model = "notebook"

    @Option(
        help: ArgumentHelp(
            "Weights, a state_dict in a .safetensors file; the geometry is read off it.", valueName: "file"))
    public var weights: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Random numbers begin as after PyTorch's manual_seed(n).", valueName: "n"))
    public var seed = "0"

    @Option(
        help: ArgumentHelp(
            """
            The block variant, instead of the network's own: \
            \(Registry.standard.blocks.map(\.value.name).joined(separator: ", ")).
            """, valueName: "name"))
    public var block: String?

    @Option(
        help: ArgumentHelp(
            "An operation in the place of ReLUs, such as one of a plugin.", valueName: "name"))
    public var activation: String?

    @Option(
        help: ArgumentHelp(
            "Load a plugin, a shared library of operations and kernels; may be given again.",
            valueName: "file"))
    public var plugin: [String] = []

    @Option(
        help: ArgumentHelp(
            "Batch-norm statistics: running (inference), or batch (PyTorch's training-mode forward).",
            valueName: "running|batch"))
    public var mode = "running"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Images a batch; scaling takes a list.", valueName: "n[,n…]"))
    public var batch = "32"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Workers, 1 to 1024. Default: the cores that this process may use. scaling runs 1, 2, 4 … n, or \
            exactly the list given: 1,2,3, and 2, for 2 alone.
            """, valueName: "n"))
    public var threads: String?

    @Option(
        help: ArgumentHelp("The highest instruction set to use.", valueName: "auto|baseline|avx2|avx512"))
    public var isa = "auto"

    @Option(
        help: ArgumentHelp(
            """
            Kernels to run where they can, by name: patterns of *, ? and […], separated by commas. Also \
            RESNET_ENGINE_IMPL.
            """, valueName: "pattern"))
    public var impl: String?

    @Option(
        help: ArgumentHelp(
            "Kernels never to run, by name; also RESNET_ENGINE_SKIP_IMPL.", valueName: "pattern"))
    public var skipImpl: String?

    @Flag(help: "Keep convolutions to the products of their definition: no Winograd.")
    public var exact = false

    @Flag(
        help: """
            Measure which kernel takes a layer fastest, among those of the same numeric class: results keep their \
            bits. What was measured is kept for the next time.
            """)
    public var tune = false

    @Option(
        help: ArgumentHelp(
            "Where --tune keeps it, instead of resnet-engine/tuning.json in XDG_CACHE_HOME or ~/.cache.",
            valueName: "file"))
    public var tuneCache: String?

    @Option(help: ArgumentHelp("What runs the workers.", valueName: "dispatch|openmp"))
    public var executor = "dispatch"

    @Option(
        help: ArgumentHelp(
            "Where workers run; auto pins one worker a core when they fill all cores.",
            valueName: "auto|none|core|list:0,2-5"))
    public var pin = "auto"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Refuse to run when the predicted peak of memory is above this.", valueName: "bytes"))
    public var maxMemory: String?

    @Option(
        help: ArgumentHelp("Height and width of an image, where the weights do not say it.", valueName: "HxW")
    )
    public var image: String?

    public init() {}
}
