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

    @Test func readerHasGone() throws {
        for program in Program.allCases {
            let process = Process()
            let (output, errors) = (Pipe(), Pipe())
            process.executableURL = program.url
            process.arguments = ["--help"]
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
