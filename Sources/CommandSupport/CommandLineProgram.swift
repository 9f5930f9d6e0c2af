import ArgumentParser
import Diagnostics

/// Runs a command and ends the program: results on standard output, one line on standard error for a failure,
/// and an exit status of sysexits.h; so for a signal that asks the program to end.
public enum CommandLineProgram {
    /// Parses the arguments, runs what they say and exits.
    public static func main<Root: ParsableCommand>(_ root: Root.Type) -> Never {
        // A failed write is an error like any other.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        StandardStreams.occupyClosedDescriptors()
        _ = Interrupts.shared
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            try run(root, arguments)
            exit(0)
        } catch {
            StandardStreams.writeError("\(error)\n")
            exit(error.exitStatus)
        }
    }

    private static func run<Root: ParsableCommand>(
        _ root: Root.Type, _ arguments: [String]
    ) throws(EngineError) {
        do {
            var command = try root.parseAsRoot(arguments)
            try command.run()
        } catch let error as EngineError {
            throw error
        } catch {
            // Help and version arrive as errors too.
            guard root.exitCode(for: error).isSuccess else {
                throw UsageError.translated(root.message(for: error), arguments)
            }
            let message = root.fullMessage(for: error)
            if !message.isEmpty { try StandardStreams.write(message + "\n") }
        }
    }
}
