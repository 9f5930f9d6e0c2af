import ArgumentParser
import ResNetEngine

/// The options that every command with a model takes: which one, and how it runs.
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
            """
            Weights, a state_dict in a .safetensors file, or what resnet-bench prepare made of one; the geometry is \
            read off it.
            """, valueName: "file"))
    public var weights: String?

    @Flag(
        help: ArgumentHelp(
            """
            Use prepared weights where they lie in their file: ready sooner, and shared by all processes that do. Nobody \
            may rewrite or cut the file meanwhile, which would end the process; put another one in its place.
            """))
    public var mapWeights = false

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
            The number of worker threads, 1 to 1024; by default one for each core that this process may use. The \
            command scaling measures 1, 2, 4 … up to n, or, where there is a comma, exactly the numbers given: \
            "1,2,3" measures 1, 2 and 3, and "2," measures 2 alone.
            """, valueName: "n[,n…]"))
    public var threads: String?

    @OptionGroup public var kernels: KernelOptions

    @Option(
        help: ArgumentHelp(
            "What runs the workers.",
            valueName: ExecutorKind.allCases.map(\.rawValue).joined(separator: "|")))
    public var executor = "dispatch"

    @Option(
        help: ArgumentHelp(
            "Where workers run; auto pins one worker a core when they fill all cores.",
            valueName: "auto|none|core|list:0,2-5"))
    public var pin = "auto"

    @Option(
        help: ArgumentHelp(
            """
            Where packed weights lie on a machine of several NUMA nodes: one copy where it is packed, one whose pages are \
            dealt to all nodes, or one for each node with pinned workers; auto is the last where memory limits allow it.
            """, valueName: NUMAPolicy.allCases.map(\.rawValue).joined(separator: "|")))
    public var numa = "auto"

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
