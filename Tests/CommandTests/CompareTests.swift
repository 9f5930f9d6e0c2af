import Foundation
import Testing

/// `compare`.
@Suite struct CompareTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A report of `scaling` with runs of these milliseconds by threads, whose rounds lie `noise` apart.
    private func scaling(
        _ name: String, _ times: [Int: Double], noise: Double = 0.005, flops: Int = 1000, batch: Int = 32,
        exact: Bool = false
    ) throws -> String {
        func latency(_ mean: Double) -> String {
            #"{"mean": \#(mean), "p50": \#(mean), "p90": \#(mean * (1 + noise))}"#
        }
        let runs = times.sorted { $0.key < $1.key }.map { threads, time in
            let rounds = [-1, 0, 1, -0.5, 0.5].map {
                #"{"latency_ms": \#(latency(time * (1 + $0 * noise)))}"#
            }
            return """
                {"threads": \(threads), "batch": \(batch), "mode": "running", "isa": "avx2",
                 "executor": "dispatch", "exact": \(exact), "latency_ms": \(latency(time)),
                 "rounds": [\(rounds.joined(separator: ","))]}
                """
        }
        let text = """
            {"schema": "resnet-bench.scaling/1", "tool": {"version": "0"}, "machine": {"cpu": "c"},
             "model": {"name": "notebook", "flops_per_image": \(flops)},
             "runs": [\(runs.joined(separator: ","))]}
            """
        return try folder.file(name, Data(text.utf8))
    }

    private func profile(
        _ name: String, _ layers: [(name: String, milliseconds: Double, kernel: String)],
        deviation: Double = 0.01
    ) throws -> String {
        let layers = layers.map { layer in
            """
            {"name": "\(layer.name)", "kernel": "\(layer.kernel)", "ms_median": \(layer.milliseconds),
             "ms_deviation": \(deviation * layer.milliseconds)}
            """
        }
        let text = """
            {"schema": "resnet-bench.profile/1", "isa": "avx2", "threads": 2, "batch": 8,
             "model": {"name": "notebook", "flops_per_image": 1000}, "layers": [\(layers.joined(separator: ","))]}
            """
        return try folder.file(name, Data(text.utf8))
    }

    @Test func runs() throws {
        let before = try scaling("a", [1: 40, 2: 20, 4: 10])
        let same = try expectSuccess(.bench, ["compare", before, before]).text
        #expect(same == "3 compared: 0 slower, 0 faster, 3 within noise\n")
        // 2 threads are slower, 4 faster, 1 within 2 %.
        let after = try scaling("b", [1: 40.4, 2: 22, 4: 8])
        let outcome = try run(.bench, ["compare", before, after])
        #expect(outcome.status == 1)
        #expect(outcome.error.hasPrefix("error[comparison]: \(after): 1 of 3 slower"))
        #expect(outcome.errorLines.count == 1)
        let lines = outcome.text.split(separator: "\n")
        #expect(
            lines.contains { $0.hasPrefix("threads 2,") && $0.contains("+10.0") && $0.contains("slower") })
        #expect(
            lines.contains { $0.hasPrefix("threads 4,") && $0.contains("-20.0") && $0.contains("faster") })
        #expect(!outcome.text.contains("threads 1,"))
        // What was slower is faster the other way round.
        let only = try scaling("c", [2: 18])
        #expect(try expectSuccess(.bench, ["compare", before, only]).text.contains("1 faster"))
    }

    /// The same change counts where rounds agree, and does not where they lie apart in either report.
    @Test func noise() throws {
        for (first, second) in [(0.1, 0.005), (0.005, 0.1)] {
            let before = try scaling("a", [1: 40], noise: first)
            let after = try scaling("b", [1: 44], noise: second)
            #expect(try expectSuccess(.bench, ["compare", before, after]).text.contains("1 within noise"))
        }
        #expect(
            try run(.bench, ["compare", scaling("a", [1: 40]), scaling("b", [1: 44])]).status == 1)
    }

    /// A run counts by its own time, whatever others take.
    @Test func shortRuns() throws {
        let before = try scaling("a", [1: 1, 2: 300])
        let outcome = try run(.bench, ["compare", before, try scaling("b", [1: 1.05, 2: 300])])
        #expect(outcome.status == 1 && outcome.text.contains("2 compared: 1 slower, 0 faster"))
    }

    /// Options change what a time means: they keep runs apart, or are named.
    @Test func options() throws {
        let plain = try scaling("plain", [1: 40])
        try expectFailure(
            .bench, ["compare", plain, try scaling("exact", [1: 40], exact: true)], 65, "nothing in common")
        let arguments = ["profile", "--iterations", "1", "--batch", "2"] + Fixture.small.modelOptions
        func report(_ name: String, _ options: [String]) throws -> String {
            try expectSuccess(.bench, arguments + options + ["--json", folder.path(name)])
            return folder.path(name)
        }
        let running = try report("running", [])
        let same = try run(.bench, ["compare", running, running])
        #expect(same.status == 0 && !same.text.contains("before:"))
        for (options, text) in [
            (["--mode", "batch"], "batch, dispatch, pin auto"), (["--exact"], "pin auto, exact"),
            (["--pin", "none"], "pin none"), (["--executor", "openmp"], "running, openmp"),
            (["--impl", "*.reference,conv*"], "impl *.reference,conv*"),
            (["--skip-impl", "wino*"], "skip-impl wino*"),
            (["--tune", "--tune-cache", folder.path("tuning")], "tuned"),
        ] {
            let outcome = try run(.bench, ["compare", running, try report("other", options)])
            let lines = outcome.text.split(separator: "\n")
            #expect(lines.first?.hasSuffix("running, dispatch, pin auto") == true, "\(outcome.text)")
            #expect(lines.dropFirst().first?.contains(text) == true, "\(outcome.text)")
        }
        // A report of a version that did not write them.
        var old = try #require(JSONSerialization.jsonObject(with: data(running)) as? [String: Any])
        #expect(old.removeValue(forKey: "options") != nil)
        let file = try folder.file("old", JSONSerialization.data(withJSONObject: old))
        #expect(
            try expectSuccess(.bench, ["compare", file, running]).text.contains("options unknown\nafter:"))
        let other = try report(
            "activation", ["--plugin", library("HardSwish"), "--activation", "hard-swish"])
        try expectFailure(.bench, ["compare", running, other], 65, "model notebook with hard-swish")
    }

    @Test func layers() throws {
        let before = try profile("a", [("stem", 1, "k1"), ("layer1.0", 2, "k2"), ("gone", 1, "k1")])
        let after = try profile("b", [("stem", 1.5, "k9"), ("layer1.0", 2.01, "k2"), ("fc", 1, "k1")])
        let outcome = try run(.bench, ["compare", before, after])
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("stem") && outcome.text.contains("k1 → k9"))
        #expect(outcome.text.contains("only before: gone") && outcome.text.contains("only after: fc"))
        #expect(outcome.text.contains("2 compared: 1 slower, 0 faster, 1 within noise"))
        // A layer that takes next to none of the time may double.
        let small = try profile("a", [("stem", 1, "k"), ("tiny", 0.0001, "k")])
        let doubled = try profile("b", [("stem", 1, "k"), ("tiny", 0.0002, "k")])
        try expectSuccess(.bench, ["compare", small, doubled])
    }

    /// What the commands write themselves.
    @Test func realReports() throws {
        let (runs, layers) = (folder.path("runs.json"), folder.path("layers.json"))
        let quick = ["--warmup", "0", "--iterations", "2", "--duration", "0", "--repeats", "3"]
        try expectSuccess(
            .bench, ["--threads", "1"] + quick + Fixture.small.modelOptions + ["--json", runs])
        try expectSuccess(
            .bench, ["profile", "--iterations", "2", "--json", layers] + Fixture.small.modelOptions)
        for file in [runs, layers] {
            #expect(try expectSuccess(.bench, ["compare", file, file]).text.contains("0 slower, 0 faster"))
        }
        try expectFailure(.bench, ["compare", runs, layers], 65, "schema")
        for file in [runs, layers] {
            let whole = try data(file)
            for count in [0, 1, whole.count / 3, whole.count / 2, whole.count - 3] {
                let cut = try folder.file("cut.json", whole.prefix(count))
                try expectFailure(.bench, ["compare", file, cut], 65, cut)
                try expectFailure(.bench, ["compare", cut, file], 65, cut)
            }
        }
    }

    @Test func refused() throws {
        let good = try scaling("good", [1: 40])
        try expectFailure(.bench, ["compare", good, folder.path("missing")], 66, "missing")
        try expectFailure(.bench, ["compare", folder.url.path, good], 66)
        try expectFailure(.bench, ["compare", good, try scaling("other", [1: 40], flops: 2000)], 65, "model")
        try expectFailure(
            .bench, ["compare", good, try scaling("other", [1: 40], batch: 8)], 65, "nothing in common")
        for text in [
            "", "[]", "null", "{}", #"{"schema": 3}"#, #"{"schema": "resnet-bench.kernels/1"}"#,
            #"{"schema": "resnet-bench.scaling/1"}"#, #"{"schema": "resnet-bench.profile/1", "runs": []}"#,
            String(repeating: "[", count: 100_000), #"{"schema": "resnet-bench.scaling/2"}"#,
        ] {
            let file = try folder.file("bad", Data(text.utf8))
            try expectFailure(.bench, ["compare", good, file], 65, file)
        }
        let text = String(decoding: try data(good), as: UTF8.self)
        for (part, other) in [
            (#""mean": 40.0"#, #""mean": null"#), (#""mean": 40.0"#, #""mean": -1"#),
            (#""mean": 40.0"#, #""mean": 1e999"#), (#""threads": 1"#, #""threads": 1e40"#),
            (#""runs": ["#, #""runs": [7, "#),
        ] {
            #expect(text.contains(part))
            let file = try folder.file("bad", Data(text.replacingOccurrences(of: part, with: other).utf8))
            try expectFailure(.bench, ["compare", good, file], 65, file)
        }
        for arguments in [[], [good], [good, good, good], [good, good, "--threads", "1"]] {
            try expectFailure(.bench, ["compare"] + arguments, 64)
        }
    }
}
