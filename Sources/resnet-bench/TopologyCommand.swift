import ArgumentParser
import CommandSupport
import ResNetEngine

/// The machine as seen, and where workers would run.
struct TopologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology", abstract: "Prints the machine as seen and the placement of workers on it.")

    @OptionGroup var options: ModelOptions

    @Option(
        help: ArgumentHelp(
            "Write the report as JSON to a file, or to standard output for -.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Describe the machine of an hwloc XML file.", valueName: "file", visibility: .hidden))
    var hwlocXml: String?

    @Option(
        help: ArgumentHelp("Describe a machine in hwloc's words.", valueName: "text", visibility: .hidden))
    var synthetic: String?

    @Option(
        help: ArgumentHelp("CPUs that the described machine allows.", valueName: "list", visibility: .hidden))
    var allowed: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("CPU quota of the described machine.", valueName: "cpus", visibility: .hidden))
    var quota: String?

    func run() throws {
        let console = Console()
        let machine = try described()
        let engine = try options.singleEngineOptions(for: machine)
        let placement = try machine.placement(
            workers: engine.threads ?? machine.usableWorkerCount, pin: engine.pin)
        let reportFile = try json.map { path throws(EngineError) in try ReportFile(path) }
        console.warn(machine.warnings + placement.warnings)
        if let reportFile {
            try reportFile.write(report(machine, placement, engine.pin, console.warnings))
            if reportFile.isStandardOutput { return }
        }
        try StandardStreams.write(text(machine, placement, engine.pin))
    }

    private func described() throws(EngineError) -> Machine {
        let cpus: CPUSet? = try allowed.map { text throws(EngineError) in
            try CPUSet(parsing: text, subject: "--allowed")
        }
        let quota: Double? = try quota.map { text throws(EngineError) in
            try OptionValue.number(text, "--quota", in: 0.01...1024)
        }
        switch (hwlocXml, synthetic) {
        case (let path?, nil): return try Machine(xmlFile: path, allowed: cpus, quota: quota)
        case (nil, let text?): return try Machine(synthetic: text, allowed: cpus, quota: quota)
        case (_?, _?):
            throw EngineError(
                .usage, "--synthetic", "a second machine", expected: "one of --hwloc-xml and --synthetic")
        case (nil, nil):
            guard cpus == nil, quota == nil else {
                throw EngineError(
                    .usage, cpus == nil ? "--quota" : "--allowed", "given for this machine",
                    expected: "--hwloc-xml or --synthetic with it")
            }
            return .detect()
        }
    }

    private func text(_ machine: Machine, _ placement: Placement, _ pin: PinPolicy) -> String {
        var cores = TextTable([
            ("core", .right), ("CPUs", .left), ("package", .right), ("NUMA node", .right), ("class", .right),
            ("weight", .right), ("usable", .left), ("L1d", .right), ("L2", .right), ("L3", .right),
        ])
        for core in machine.cores {
            let isUsable = core.cpus.contains(where: machine.allowed.contains)
            cores.add(
                [
                    "\(core.index)", "\(CPUSet(core.cpus))", "\(core.package)", "\(core.numaNode)",
                    "\(core.efficiencyClass)", NumberText.fixed(core.weight, 2), isUsable ? "yes" : "no",
                ]
                    + [core.caches.l1d, core.caches.l2, core.caches.l3].map {
                        $0.map { NumberText.bytes($0.bytes) } ?? "-"
                    })
        }
        let limit = machine.memoryLimitBytes.map { NumberText.bytes($0) } ?? "none"
        var text = """
            machine    \(machine.line)
            packages   \(machine.packageCount), NUMA nodes \(machine.numaNodes.count) (\(machine.numaNodes.map(String.init).joined(separator: ", ")))
            memory     limit of the control group: \(limit)

            \(cores.text)
            placement  \(placement.workers.count) workers, --pin \(pin), \(placement.isPinned ? "pinned" : "not pinned")

            """
        guard placement.isPinned else { return text }
        var workers = TextTable([
            ("worker", .right), ("CPU", .right), ("core", .right), ("package", .right), ("NUMA node", .right),
            ("weight", .right),
        ])
        for (index, worker) in placement.workers.enumerated() {
            workers.add(
                ["\(index)"]
                    + [worker.cpu, worker.core, worker.package, worker.numaNode].map {
                        $0.map(String.init) ?? "-"
                    }
                    + [NumberText.fixed(worker.weight, 2)])
        }
        text += workers.text
        return text
    }

    private func report(
        _ machine: Machine, _ placement: Placement, _ pin: PinPolicy, _ warnings: [EngineWarning]
    ) -> JSONValue {
        let cores = machine.cores.map { core in
            JSONValue.object([
                "index": .integer(core.index), "cpus": .array(core.cpus.map(JSONValue.integer)),
                "package": .integer(core.package), "numa_node": .integer(core.numaNode),
                "efficiency_class": .integer(core.efficiencyClass), "weight": .number(core.weight),
                "usable": .bool(core.cpus.contains(where: machine.allowed.contains)),
            ])
        }
        let workers = placement.workers.map { worker in
            JSONValue.object([
                "cpu": JSONValue(worker.cpu), "core": JSONValue(worker.core),
                "package": JSONValue(worker.package),
                "numa_node": JSONValue(worker.numaNode), "weight": .number(worker.weight),
            ])
        }
        return .object([
            "schema": "resnet-bench.topology/1",
            "tool": .object(["version": .string(ToolVersion.current)]),
            "machine": .object(machine.json.merging(["core_list": .array(cores)]) { first, _ in first }),
            "placement": .object([
                "pin": .string("\(pin)"), "pinned": .bool(placement.isPinned), "workers": .array(workers),
            ]),
            "warnings": warnings.json,
        ])
    }
}
