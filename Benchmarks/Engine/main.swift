import Glibc
import ResNetEngine

// A driver that has gone is an end of input, not a signal.
signal(SIGPIPE, SIG_IGN)
do {
    var command = try WorkerCommand.parseAsRoot()
    try command.run()
} catch let error as EngineError {
    Channel.fail("\(error)")
    exit(error.exitStatus)
} catch {
    WorkerCommand.exit(withError: error)
}
