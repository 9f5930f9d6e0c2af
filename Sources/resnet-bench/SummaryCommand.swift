import ArgumentParser
import CommandSupport
import ResNetEngine

/// The model as PyTorch prints it.
struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Prints the model as PyTorch prints it.")

    @OptionGroup var options: ModelOptions

    func run() throws {
        _ = try options.engineOptions(for: .detect())
        try StandardStreams.write(try options.architecture().summary() + "\n")
    }
}
