import ArgumentParser
import CommandSupport
import ResNetEngine

/// Which kernel runs each layer, why others do not, and what kernels there are.
struct KernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Prints the kernel of each layer, the rejected ones, and all kernels used.",
        discussion: """
            With --fusions: what became of every node of the network as it is written.
            """)

    @OptionGroup var options: ModelOptions

    @Flag(help: "Print, for each node as written, which layer absorbed it, or why none did.")
    var fusions = false

    @Option(
        help: ArgumentHelp(
            "Write the report as JSON to a file, or to standard output for -.", valueName: "file"))
    var json: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Fail unless the plan has that many steps of an operation: 'convolution<=53', '*<=57'. Also >=, =, < and >.",
            valueName: "claim"))
    var assertOpCount: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Fail unless all layers of a pattern have kernels of another: 'layer1.*=winograd*'.",
            valueName: "layers=kernels"))
    var assertKernel: [String] = []

    /// A kernel that some layer of the model can get, by operation.
    private struct Row {
        let operation: String
        let kernel: String
        var isPicked: Bool
    }

    func run() throws {
        let console = Console()
        let machine = Machine.detect()
        let engineOptions = try options.singleEngineOptions(for: machine)
        let assertions =
            try assertOpCount.map { text throws(EngineError) in try PlanAssertion(count: text) }
            + assertKernel.map { text throws(EngineError) in try PlanAssertion(kernel: text) }
        let reportFile = try json.map { path throws(EngineError) in try ReportFile(path) }
        let loaded = try options.load(for: machine)
        let graph = try loaded.model.graph(mode: engineOptions.mode)
        let engine = try options.engine(loaded.model, engineOptions, machine)
        console.warn(engine.warnings)
        let rows = try allKernels(loaded.model, engine, machine)
        if let reportFile {
            try reportFile.write(try report(engine, rows, console.warnings))
        }
        if reportFile?.isStandardOutput != true {
            try StandardStreams.write(
                fusions
                    ? fusionTable(engine)
                    : [layers(engine), list(rows, engine), try operationTable()].joined(separator: "\n"))
        }
        try PlanAssertion.check(
            assertions, engine.steps, operations: Set(graph.nodes.map(\.operation.identifier)))
    }

    private func layers(_ engine: Engine) -> String {
        var text = """
            layers of \(engine.architecture.name), mode \(options.mode), isa \(engine.isa.rawValue), \
            groups of \(engine.imageGroup) images

            """
        var table = TextTable([
            ("layer", .left), ("op", .left), ("in", .left), ("out", .left), ("kernel", .left),
            ("absorbed", .left),
        ])
        for step in engine.steps {
            table.add([
                step.node, step.operation, step.inputs.map(\.description).joined(separator: " "),
                step.output.description, step.kernel,
                step.absorbed.isEmpty ? "-" : step.absorbed.joined(separator: ", "),
            ])
        }
        text += table.text
        let rejections = engine.steps.flatMap { step in step.rejected.map { (step.node, $0) } }
        text += "\nrejected\n"
        guard !rejections.isEmpty else {
            return text + "none: every layer got the first kernel of its list\n"
        }
        var reasons = TextTable([("layer", .left), ("kernel", .left), ("reason", .left)])
        for (node, rejection) in rejections { reasons.add([node, rejection.kernel, rejection.reason]) }
        return text + reasons.text
    }

    private func fusionTable(_ engine: Engine) -> String {
        var table = TextTable([("node", .left), ("op", .left), ("absorbed by", .left), ("why not", .left)])
        for node in engine.fusions.nodes {
            switch node.outcome {
            case .absorbed(let host, _): table.add([node.name, node.operation, host, ""])
            case .alone(let reasons):
                table.add([node.name, node.operation, "-", reasons.joined(separator: "; ")])
            }
        }
        return """
            nodes of \(engine.architecture.name) as written, mode \(options.mode): \
            \(engine.fusions.nodes.count), layers: \(engine.steps.count)
            \(table.text)
            """
    }

    private func list(_ rows: [Row], _ engine: Engine) -> String {
        var table = TextTable([("op", .left), ("kernel", .left), ("here", .left)])
        for row in rows { table.add([row.operation, row.kernel, row.isPicked ? "picked" : "-"]) }
        return "all kernels of this model, in both modes and up to \(engine.isa.rawValue)\n" + table.text
    }

    private func operationTable() throws(EngineError) -> String {
        var table = TextTable([("op", .left), ("versions", .left), ("from", .left)])
        for entry in try options.kernels.registry().operations {
            table.add([entry.value.identifier, Self.text(entry.value.versions), entry.plugin])
        }
        return "all operations of the registry\n" + table.text
    }

    private static func text(_ versions: ClosedRange<Int>) -> String {
        versions.count == 1 ? "\(versions.lowerBound)" : "\(versions.lowerBound)-\(versions.upperBound)"
    }

    /// What planning the model names in both modes and on every instruction set up to the one in use.
    private func allKernels(_ model: Model, _ engine: Engine, _ machine: Machine) throws(EngineError) -> [Row]
    {
        var rows: [Row] = []
        func note(_ operation: String, _ kernel: String, isPicked: Bool) {
            if let index = rows.firstIndex(where: { $0.operation == operation && $0.kernel == kernel }) {
                rows[index].isPicked = rows[index].isPicked || isPicked
            } else {
                rows.append(Row(operation: operation, kernel: kernel, isPicked: isPicked))
            }
        }
        for level in ISALevel.allCases.reversed() where level <= engine.isa {
            for mode in [BatchNormalizationMode.running, .batch] {
                var planning = EngineOptions()
                planning.isa = level
                planning.mode = mode
                planning.threads = 1
                planning.batch = 1
                let isHere = level == engine.isa && mode == engine.options.mode
                for step in try options.engine(model, planning, machine).steps {
                    note(step.operation, step.kernel, isPicked: isHere)
                    for rejection in step.rejected { note(step.operation, rejection.kernel, isPicked: false) }
                }
            }
        }
        return rows.sorted { ($0.operation, $0.kernel) < ($1.operation, $1.kernel) }
    }

    private func report(
        _ engine: Engine, _ rows: [Row], _ warnings: [EngineWarning]
    ) throws(EngineError) -> JSONValue {
        let layers = engine.steps.map { step in
            JSONValue.object([
                "name": .string(step.node), "op": .string(step.operation), "kernel": .string(step.kernel),
                "absorbed": .array(step.absorbed.map(JSONValue.string)),
                "rejected": .array(
                    step.rejected.map {
                        .object(["kernel": .string($0.kernel), "reason": .string($0.reason)])
                    }),
            ])
        }
        let kernels = rows.map { row in
            JSONValue.object([
                "op": .string(row.operation), "kernel": .string(row.kernel), "picked": .bool(row.isPicked),
            ])
        }
        let operations = try options.kernels.registry().operations.map { entry in
            JSONValue.object([
                "name": .string(entry.value.identifier), "plugin": .string(entry.plugin),
                "versions": .array([
                    .integer(entry.value.versions.lowerBound), .integer(entry.value.versions.upperBound),
                ]),
            ])
        }
        return .object([
            "schema": "resnet-bench.kernels/1",
            "tool": .object(["version": .string(ToolVersion.current)]),
            "isa": .string(engine.isa.rawValue),
            "mode": .string(options.mode),
            "layers": .array(layers),
            "fusions": .array(engine.fusions.nodes.map(json)),
            "kernels": .array(kernels),
            "operations": .array(operations),
            "warnings": warnings.json,
        ])
    }

    private func json(_ node: FusionReport.SourceNode) -> JSONValue {
        var members: [String: JSONValue] = ["name": .string(node.name), "op": .string(node.operation)]
        switch node.outcome {
        case .absorbed(let host, let pass):
            members["absorbed_by"] = .string(host)
            members["pass"] = .string(pass)
        case .alone(let reasons): members["reasons"] = .array(reasons.map(JSONValue.string))
        }
        return .object(members)
    }
}
