import ArgumentParser
import CommandSupport
import ResNetEngine

/// The model as PyTorch prints it.
struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Prints the model as PyTorch prints it.")

    @OptionGroup var options: ModelOptions

    func run() throws {
        let machine = Machine.detect()
        _ = try options.engineOptions(for: machine)
        try StandardStreams.write(try options.architecture(for: machine).summary() + "\n")
    }
}
