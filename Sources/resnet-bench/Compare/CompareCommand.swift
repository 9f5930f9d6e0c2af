import ArgumentParser
import CommandSupport
import ResNetEngine

/// Whether a later report is slower than an earlier one.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Prints what changed between two JSON reports, beyond their noise.",
        discussion: """
            Both files are of scaling, or both of profile, of the same model. Runs match by threads, batch, mode, \
            instruction set, executor and --exact, layers by name; what else differs is named above the table. A change \
            counts above two standard deviations of a round or batch, of both files together, and above 2 %: of a run's \
            own time, or of a layer's and of all layers' mean. Any that is slower ends the command with status 1.
            """)

    @Argument(help: ArgumentHelp("The report before.", valueName: "A.json"))
    var before: String

    @Argument(help: ArgumentHelp("The report after.", valueName: "B.json"))
    var after: String

    func run() throws {
        let first = try Measured(before)
        let second = try Measured(after)
        for (what, expected, found) in [
            ("schema", first.schema, second.schema), ("model", first.model, second.model),
        ] where expected != found {
            throw EngineError(.badData, after, "\(what) \(found)", expected: "\(expected), as in \(before)")
        }
        let comparison = Comparison(first, second)
        guard !comparison.rows.isEmpty else {
            throw EngineError(
                .badData, after, "nothing in common with \(before)", expected: "a run or layer of it")
        }
        var text = ""
        if first.setting != second.setting {
            text = "before: \(first.setting)\nafter:  \(second.setting)\n\n"
        }
        try StandardStreams.write(text + comparison.text)
        guard comparison.regressions == 0 else {
            throw EngineError(
                .comparison, after, "\(comparison.regressions) of \(comparison.rows.count) slower",
                expected: "none slower than in \(before), beyond noise")
        }
    }
}
