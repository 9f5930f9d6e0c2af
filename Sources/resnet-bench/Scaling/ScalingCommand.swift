import ArgumentParser
import CommandSupport
import ResNetEngine

/// Time and throughput over numbers of workers.
struct ScalingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaling",
        abstract: "Measures throughput over numbers of workers and batch sizes (the default command).",
        discussion: """
            Every entry is warmed up, then measured for --iterations batches and --duration seconds, whichever \
            takes longer, in --repeats rounds. Rounds go through all entries in turn, so that a disturbance hits \
            all alike; the report gives medians of rounds.
            """)

    @OptionGroup var options: ModelOptions

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Batches before measuring, each round.", valueName: "n"))
    var warmup = "2"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Least number of measured batches a round.", valueName: "n"))
    var iterations = "3"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Least time of measuring a round, in seconds.", valueName: "s"))
    var duration = "0.4"

    @Option(parsing: .unconditional, help: ArgumentHelp("Rounds.", valueName: "n"))
    var repeats = "11"

    @Option(
        help: ArgumentHelp(
            "Write the report as JSON to a file, or to standard output for -.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Write the report as one page with its figures to a file, or to standard output for -.",
            valueName: "file"))
    var html: String?

    @Flag(help: "Show progress even where standard error is no terminal.")
    var progress = false

    func run() throws {
        let plan = TimingPlan(
            warmup: try OptionValue.integer(warmup, "--warmup", in: 0...1_000_000),
            iterations: try OptionValue.integer(iterations, "--iterations", in: 1...1_000_000_000),
            seconds: try OptionValue.seconds(duration, "--duration"),
            rounds: try OptionValue.integer(repeats, "--repeats", in: 1...10_000))
        let console = Console(progress: progress)
        let machine = Machine.detect()
        let engineOptions = try options.engineOptions(for: machine)
        let threadCounts = try options.threadCounts(for: machine)
        let batches = try options.batches()
        let reportFile = try json.map { path throws(EngineError) in try ReportFile(path) }
        let pageFile = try html.map { path throws(EngineError) in try ReportFile(path) }
        try pageFile?.checkIsNot(reportFile, "--html", "--json")
        let loaded = try options.load(for: machine)
        let measurement = ScalingMeasurement(
            loaded: loaded, machine: machine, modelOptions: options, options: engineOptions, plan: plan,
            console: console)
        let report = try measurement.run(threadCounts: threadCounts, batches: batches)
        console.clear()
        if let reportFile { try reportFile.write(report.json) }
        if let pageFile { try pageFile.write(ReportPage(report: report).html) }
        if reportFile?.isStandardOutput == true || pageFile?.isStandardOutput == true { return }
        try StandardStreams.write(report.text)
    }
}
