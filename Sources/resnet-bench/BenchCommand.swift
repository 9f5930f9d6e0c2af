import ArgumentParser
import CommandSupport

/// The root: without the name of a command, `scaling`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resnet-bench",
        abstract: "Measures, checks and describes batch inference of residual networks.",
        discussion: """
            Without the name of a command it is scaling: resnet-bench --threads 4. Options are listed by \
            resnet-bench scaling --help, and so for each command.
            """,
        version: ToolVersion.current,
        subcommands: [
            ScalingCommand.self, SummaryCommand.self, TopologyCommand.self, VerifyCommand.self,
            KernelsCommand.self, LayerCommand.self, ProfileCommand.self, CompareCommand.self,
            PrepareCommand.self,
        ],
        defaultSubcommand: ScalingCommand.self)
}
