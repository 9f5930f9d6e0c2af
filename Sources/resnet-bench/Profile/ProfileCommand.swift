import ArgumentParser
import CommandSupport
import ResNetEngine

/// Where the time of a batch goes.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Prints the time of every layer, of one core an image.",
        discussion: """
            Batches with and without the profile take turns: what noting the times costs is printed too. repro is the \
            layer as resnet-bench layer takes it, with the same --isa, --exact, --impl and --skip-impl.
            """)

    @OptionGroup var options: ModelOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("Batches before the first measured.", valueName: "n"))
    var warmup = "2"

    @Option(parsing: .unconditional, help: ArgumentHelp("Batches measured.", valueName: "n"))
    var iterations = "10"

    @Option(help: ArgumentHelp("The order of rows.", valueName: "time|order"))
    var sort = "order"

    @Flag(help: "Print the table as comma-separated values.")
    var csv = false

    @Flag(help: "Count cycles, instructions and cache misses of each layer too, as far as the system lets.")
    var counters = false

    @Option(
        help: ArgumentHelp(
            "Write the report as JSON to a file, or to standard output for -.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Write the last batch as a Chrome trace, for ui.perfetto.dev, to a file.", valueName: "file"))
    var trace: String?

    func run() throws {
        let console = Console()
        let machine = Machine.detect()
        let engineOptions = try options.singleEngineOptions(for: machine)
        let warmup = try OptionValue.integer(warmup, "--warmup", in: 0...1_000_000)
        let iterations = try OptionValue.integer(iterations, "--iterations", in: 1...1_000_000)
        let sortsByTime = try OptionValue.choice(sort, "--sort", among: [("time", true), ("order", false)])
        let jsonFile = try json.map { path throws(EngineError) in try ReportFile(path) }
        let traceFile = try trace.map { path throws(EngineError) in try ReportFile(path) }
        try traceFile?.checkIsNot(jsonFile, "--trace", "--json")
        for (flag, file) in [("--json", jsonFile), ("--trace", traceFile)]
        where csv && file?.isStandardOutput == true {
            throw EngineError(.usage, flag, "standard output, which --csv has", expected: "a file")
        }
        let loaded = try options.load(for: machine)
        let engine = try options.engine(loaded.model, engineOptions, machine)
        console.warn(engine.warnings)

        let shape = engine.inputShape
        let rows = engineOptions.batch
        var input = try Tensor(shape: [rows, shape.channels, shape.height, shape.width], subject: "input")
        var numbers = RandomNumbers(loaded.generator, count: input.elementCount)
        try input.withMutableElements { (elements) throws(EngineError) in numbers.fill(elements) }
        var output = try Tensor(shape: [rows, engine.outputShape.elementCount], subject: "output")
        let counting = counters ? PerformanceEvent.supported() : nil
        let roofline = Roofline(
            peakGflops: PeakMeasurement.gflopsPerCore(isa: engine.isa),
            gigabytesPerSecond: try options.bandwidth(
                workers: engine.placement.workers.count, pin: engineOptions.pin,
                beside: engine.memory.total, machine)?
                .gigabytesPerSecondPerThread)
        var report = ProfileReport(
            engine: engine, loaded: loaded, rows: rows, roofline: roofline, sortsByTime: sortsByTime,
            counters: counting.map(CounterColumns.init))
        var last: BatchProfile?
        for turn in 0..<warmup + iterations {
            console.progress("profile", done: turn, total: warmup + iterations)
            try Interrupts.shared.check()
            try output.withMutableElements { target throws(EngineError) in
                try input.withElements { source throws(EngineError) in
                    guard turn >= warmup else {
                        return try engine.score(rows: rows, input: source, output: target)
                    }
                    last = try report.addTurn(input: source, output: target)
                }
            }
        }
        console.clear()
        console.warn(engine.warnings)
        if let traceFile, let last { try traceFile.write(report.trace(last)) }
        if let jsonFile { try jsonFile.write(report.json(console.warnings)) }
        if jsonFile?.isStandardOutput == true || traceFile?.isStandardOutput == true { return }
        try StandardStreams.write(csv ? report.csv : report.text)
    }
}
