import Foundation
import Testing

/// Signals end a command in order, and a reader that has gone is an error like any other.
@Suite struct SignalTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func scoring(_ signal: Int32) throws {
        let folder = try TemporaryFolder()
        let outcome = try run(.score, ["--input", "randn:1000000", "--output", folder.path("out.npy")]) {
            process in
            for _ in 0..<1000 where folder.names.isEmpty { usleep(10_000) }
            #expect(folder.names.count == 1)
            kill(process.processIdentifier, signal)
        }
        #expect(outcome.status == 75 && !outcome.endedBySignal)
        #expect(
            outcome.errorLines.count == 1 && outcome.error.hasPrefix("error[interrupted]: "),
            "\(outcome.error)")
        #expect(folder.names.isEmpty)
    }

    @Test func measuring() throws {
        let outcome = try run(.bench, ["--duration", "60", "--threads", "1"]) { process in
            usleep(1_500_000)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 75 && !outcome.endedBySignal)
        #expect(outcome.error.contains("error[interrupted]: "))
    }

    /// A pipe without a reader keeps them waiting.
    @Test(arguments: ["scaling", "topology", "kernels"])
    func everyCommand(_ command: String) throws {
        let folder = try TemporaryFolder()
        let pipe = folder.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let outcome = try run(.bench, [command, "--json", pipe]) { process in
            usleep(1_000_000)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 75 && !outcome.endedBySignal)
        #expect(
            outcome.errorLines.filter { !$0.hasPrefix("warning[") }.count == 1
                && outcome.error.contains("error[interrupted]: "), "\(outcome.error)")
    }

    @Test func readerHasGone() throws {
        for program in Program.allCases {
            let process = Process()
            let (output, errors) = (Pipe(), Pipe())
            process.executableURL = program.url
            process.arguments = ["--help"]
            process.currentDirectoryURL = FileManager.default.temporaryDirectory
            process.standardOutput = output
            process.standardError = errors
            try output.fileHandleForReading.close()
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit)
            #expect(process.terminationStatus == 74)
            #expect(text.hasPrefix("error[io]: standard output") && text.split(separator: "\n").count == 1)
        }
    }
}
