import CommandSupport
import ResNetEngine

/// A profile in all its forms.
struct ProfileReport {
    let engine: Engine
    let loaded: LoadedModel
    let rows: Int
    let roofline: Roofline
    private let sortsByTime: Bool
    /// What is counted besides; nil where that was not asked for.
    private let counters: CounterColumns?
    private var profile: NetworkProfile
    /// Times of batches with a profile over those without, by turns.
    private var ratios: [Double] = []

    init(
        engine: Engine, loaded: LoadedModel, rows: Int, roofline: Roofline, sortsByTime: Bool = false,
        counters: CounterColumns? = nil
    ) {
        self.engine = engine
        self.loaded = loaded
        self.rows = rows
        self.roofline = roofline
        self.sortsByTime = sortsByTime
        self.counters = counters
        profile = NetworkProfile(engine)
    }

    /// Takes in a batch with a profile, which it returns. One without comes before it in even turns and after it in odd
    /// ones, so that a machine that slows down or recovers falls on both alike.
    @discardableResult
    mutating func addTurn(
        input: UnsafeBufferPointer<Float>, output: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) -> BatchProfile {
        let engine = engine
        let rows = rows
        func plainNanoseconds() throws(EngineError) -> Int {
            try engine.score(rows: rows, input: input, output: output)
            return engine.lastBatchNanoseconds
        }
        let isEven = ratios.count.isMultiple(of: 2)
        var plain = isEven ? try plainNanoseconds() : 0
        let batch = try engine.profile(
            rows: rows, input: input, output: output, counters: counters?.supported ?? [])
        let profiled = engine.lastBatchNanoseconds
        if !isEven { plain = try plainNanoseconds() }
        profile.add(batch)
        ratios.append(Double(profiled) / Double(max(plain, 1)))
        return batch
    }

    /// GFLOP/s of a core.
    private var peak: Double { roofline.peakGflops }

    /// How much longer a batch takes with a profile: the median over pairs.
    private var overheadPercent: Double { 100 * (median(ratios) - 1) }

    /// Standard error of that, as of a median of values that lie about it as a normal distribution's do.
    private var overheadError: Double {
        100 * (Double.pi / 2 / Double(max(ratios.count, 1))).squareRoot() * deviation(ratios)
    }

    var layers: [NetworkProfile.Layer] {
        let layers = profile.layers
        return sortsByTime ? layers.sorted { $0.milliseconds > $1.milliseconds } : layers
    }

    private func percentOfPeak(_ layer: NetworkProfile.Layer) -> Double { 100 * layer.gflops / peak }

    private func roof(_ layer: NetworkProfile.Layer) -> String? {
        roofline.roof(at: layer.intensity)?.kind.rawValue
    }

    // MARK: Text

    private static let columns: [(header: String, alignment: TextTable.Alignment)] = [
        ("layer", .left), ("op", .left), ("out", .left), ("kernel", .left), ("ms", .right),
        ("min ms", .right),
        ("%", .right), ("GFLOP/s", .right), ("% of peak", .right), ("MB", .right), ("FLOP/B", .right),
        ("% of roof", .right), ("roof", .left), ("imbalance", .right),
    ]

    var text: String {
        var table = TextTable(Self.columns + (counters?.headers ?? []) + [("repro", .left)])
        for layer in layers {
            table.add(cells(layer) + (counters?.cells(layer) ?? []) + [reproduction(of: layer)])
        }
        var blocks: [(name: String, milliseconds: Double, share: Double, flops: Int)] = []
        for layer in profile.layers where !layer.block.isEmpty {
            if let index = blocks.firstIndex(where: { $0.name == layer.block }) {
                blocks[index].milliseconds += layer.milliseconds
                blocks[index].share += layer.share
                blocks[index].flops += layer.flops
            } else {
                blocks.append((layer.block, layer.milliseconds, layer.share, layer.flops))
            }
        }
        var blockTable = TextTable([("block", .left), ("ms", .right), ("%", .right), ("GFLOP/s", .right)])
        for block in blocks {
            blockTable.add([
                block.name, NumberText.fixed(block.milliseconds, 3), NumberText.fixed(100 * block.share, 1),
                NumberText.fixed(Double(block.flops) / block.milliseconds / 1e6, 1),
            ])
        }
        return """
            \(loaded.model.architecture.name), \(loaded.origin), batch \(rows), \(engine.workerRecords.count) \
            workers, isa \(engine.isa.rawValue)\
            \(engine.options.precision == .float32 ? "" : ", \(engine.options.precision.rawValue)")\
            \(engine.options.objective == .throughput ? "" : ", for \(engine.options.objective.rawValue)"); \
            milliseconds of one core an image, \(profile.batches) batches
            \(counters.map { "counters: \($0.text)\n" } ?? "")\
            \(table.text)
            \(blocks.isEmpty ? "" : blockTable.text + "\n")\
            all layers  \(NumberText.fixed(profile.milliseconds, 3)) ms, workers busy \
            \(NumberText.fixed(profile.busyMilliseconds, 3)) ms; peak \(NumberText.fixed(peak, 1)) GFLOP/s a core, \
            memory \(roofline.gigabytesPerSecond.map { NumberText.fixed($0, 1) + " GB/s a core" } ?? "not measured")
            overhead    \(NumberText.fixed(overheadPercent, 2)) ± \(NumberText.fixed(overheadError, 2)) % of a batch \
            without a profile

            """
    }

    private func cells(_ layer: NetworkProfile.Layer) -> [String] {
        [
            layer.name, layer.planned?.operation ?? "-", layer.planned?.output.description ?? "-",
            layer.planned?.kernel ?? "-", NumberText.fixed(layer.milliseconds, 4),
            NumberText.fixed(layer.leastMilliseconds, 4), NumberText.fixed(100 * layer.share, 1),
            NumberText.fixed(layer.gflops, 1), NumberText.fixed(percentOfPeak(layer), 1),
            NumberText.fixed(Double(layer.bytes) / 1e6, 2), NumberText.fixed(layer.intensity, 1),
            roofline.percent(of: layer).map { NumberText.fixed($0, 1) } ?? "-", roof(layer) ?? "-",
            NumberText.fixed(layer.imbalance, 2),
        ]
    }

    /// The layer as `resnet-bench layer` takes it, or that it takes none such.
    private func reproduction(of layer: NetworkProfile.Layer) -> String {
        layer.problem?.description ?? "none: \(noReproduction(layer))"
    }

    private func noReproduction(_ layer: NetworkProfile.Layer) -> String {
        "layer times no \(layer.planned?.operation ?? "copies or statistics")"
    }

    var csv: String {
        let header =
            "index,name,op,block,out,kernel,calls,ms_mean,ms_min,percent,gflops,percent_of_peak,bytes,"
            + "intensity,imbalance,absorbed,repro,percent_of_roof,roof,ms_median,ms_deviation"
        let counted = (counters?.supported ?? []).map { ",\($0.rawValue)" }.joined()
        return header + counted + "\n"
            + layers.map { layer in
                let planned = layer.planned
                let shape =
                    planned.map { "\($0.output.channels)x\($0.output.height)x\($0.output.width)" } ?? ""
                let numbers = [
                    layer.milliseconds, layer.leastMilliseconds, 100 * layer.share, layer.gflops,
                    percentOfPeak(layer),
                ].map { "\($0)" }
                let fields =
                    [
                        "\(layer.index)", layer.name, planned?.operation ?? "", layer.block, shape,
                        planned?.kernel ?? "", "\(layer.calls)",
                    ] + numbers
                    + [
                        "\(layer.bytes)", "\(layer.intensity)", "\(layer.imbalance)",
                        planned?.absorbed.joined(separator: " ") ?? "",
                        layer.problem.map { "\"\($0)\"" } ?? "",
                        roofline.percent(of: layer).map { "\($0)" } ?? "", roof(layer) ?? "",
                        "\(median(layer.batchMilliseconds))", "\(deviation(layer.batchMilliseconds))",
                    ] + (counters?.supported ?? []).map { "\(layer.counts[$0] ?? 0)" }
                return fields.joined(separator: ",") + "\n"
            }.joined()
    }

    // MARK: JSON

    static let schema = "resnet-bench.profile/1"

    func json(_ warnings: [EngineWarning]) -> JSONValue {
        .object([
            "schema": .string(Self.schema),
            "tool": .object(["version": .string(ToolVersion.current)]),
            "model": .object([
                "name": .string(loaded.model.architecture.name),
                "flops_per_image": .integer(engine.flopsPerImage),
                "activation": loaded.model.architecture.activation.map {
                    .string($0.operation.identifier)
                } ?? .null,
            ]),
            "options": engine.options.json,
            "isa": .string(engine.isa.rawValue),
            "batch": .integer(rows),
            "threads": .integer(engine.workerRecords.count),
            "batches": .integer(profile.batches),
            "peak_gflops_per_core": .number(peak),
            "memory_gb_per_s_per_core": JSONValue(roofline.gigabytesPerSecond),
            "total_ms": .number(profile.milliseconds),
            "busy_ms": .number(profile.busyMilliseconds),
            "overhead_percent": .number(overheadPercent),
            "overhead_percent_error": .number(overheadError),
            "counters": counters?.json ?? .null,
            "layers": layersJSON,
            "warnings": warnings.json,
        ])
    }

    var layersJSON: JSONValue { .array(layers.map(json)) }

    private func json(_ layer: NetworkProfile.Layer) -> JSONValue {
        let planned = layer.planned
        let output = planned?.output
        return .object([
            "index": .integer(layer.index), "name": .string(layer.name),
            "op": .string(planned?.operation ?? ""), "block": .string(layer.block),
            "shape": output.map {
                .array([.integer($0.channels), .integer($0.height), .integer($0.width)])
            } ?? .null,
            "kernel": .string(planned?.kernel ?? ""), "calls": .integer(layer.calls),
            "ms_mean": .number(layer.milliseconds), "ms_min": .number(layer.leastMilliseconds),
            "ms_median": .number(median(layer.batchMilliseconds)),
            "ms_deviation": .number(deviation(layer.batchMilliseconds)),
            "percent": .number(100 * layer.share), "flops": .integer(layer.flops),
            "gflops": .number(layer.gflops), "percent_of_peak": .number(percentOfPeak(layer)),
            "bytes": .integer(layer.bytes), "intensity": .number(layer.intensity),
            "percent_of_roof": JSONValue(roofline.percent(of: layer)),
            "roof": roof(layer).map(JSONValue.string) ?? .null,
            "imbalance": .number(layer.imbalance),
            "absorbed": .array((planned?.absorbed ?? []).map(JSONValue.string)),
            "repro": layer.problem.map { .string("\($0)") } ?? .null,
            "repro_reason": planned?.problem == nil ? .string(noReproduction(layer)) : .null,
            "counters": counters?.json(layer) ?? .null,
        ])
    }

    /// One batch in Chrome's trace event format: a row a worker, microseconds.
    func trace(_ batch: BatchProfile) -> JSONValue {
        let workers = batch.busyNanoseconds.indices.map { worker in
            JSONValue.object([
                "ph": "M", "name": "thread_name", "pid": .integer(1), "tid": .integer(worker),
                "args": .object(["name": .string("worker \(worker)")]),
            ])
        }
        let events = batch.events.map { event in
            let step = engine.executedSteps[event.step]
            let planned = step.planned.map { engine.steps[$0] }
            return JSONValue.object([
                "ph": "X", "name": .string(step.name), "cat": .string(planned?.operation ?? "engine"),
                "pid": .integer(1), "tid": .integer(event.worker),
                "ts": .number(Double(event.start) / 1e3), "dur": .number(Double(event.nanoseconds) / 1e3),
                "args": .object([
                    "kernel": .string(planned?.kernel ?? ""), "image": .integer(event.firstImage),
                    "images": .integer(event.images), "part": .integer(event.part),
                    "parts": .integer(event.parts),
                ]),
            ])
        }
        return .object(["traceEvents": .array(workers + events), "displayTimeUnit": "ms"])
    }
}
