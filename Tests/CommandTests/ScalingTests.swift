import Foundation
import Testing

/// The report of `scaling`: every field of the contract, and numbers that fit together.
@Suite(.serialized) struct ScalingTests {
    private static let quick = ["--warmup", "1", "--iterations", "3", "--duration", "0.01", "--repeats", "2"]

    private func report(_ arguments: [String]) throws -> [String: Any] {
        let outcome = try run(.bench, arguments + Self.quick + Fixture.small.modelOptions + ["--json", "-"])
        #expect(outcome.status == 0, "\(outcome.error)")
        return try #require(JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
    }

    private func object(_ value: Any?) throws -> [String: Any] { try #require(value as? [String: Any]) }

    private func number(_ object: [String: Any], _ key: String) throws -> Double {
        try #require(object[key] as? NSNumber, "\(key)").doubleValue
    }

    @Test func fields() throws {
        let report = try report(["--threads", "2", "--batch", "1,4"])
        #expect(report["schema"] is String)
        #expect(try object(report["tool"])["version"] as? String == "0.1.0")
        let machine = try object(report["machine"])
        #expect(machine["cpu"] is String && machine["isa"] is String)
        #expect(try number(machine, "cores") >= 1)
        #expect(try number(machine, "allowed_cpus") >= 1)
        #expect(machine["quota_cpus"] is NSNull || machine["quota_cpus"] is NSNumber)
        #expect(machine["caches"] is [String: Any])
        let model = try object(report["model"])
        #expect(model["name"] as? String == "notebook")
        #expect(try number(model, "parameters") > 0)
        let flops = try number(model, "flops_per_image")
        let peak = try number(report, "peak_gflops_per_core")
        #expect(flops > 0 && peak > 0)
        #expect(report["warnings"] is [String])

        #expect(try number(report, "memory_gb_per_s") > 0)
        let fits = try #require(report["fits"] as? [[String: Any]])
        #expect(fits.map { $0["batch"] as? Int } == [1, 4])
        // Two thread counts determine no law.
        #expect(fits.allSatisfy { $0["amdahl"] is NSNull && $0["usl"] is NSNull })
        let layers = try #require(report["layers"] as? [[String: Any]])
        #expect(layers.contains { $0["name"] as? String == "layer_out" && $0["roof"] is String })

        let runs = try #require(report["runs"] as? [[String: Any]])
        #expect(
            try runs.map { [try number($0, "batch"), try number($0, "threads")] } == [
                [1, 1], [1, 2], [4, 1], [4, 2],
            ])
        var firstSpeed: [Double: Double] = [:]
        for run in runs {
            let (threads, batch) = (try number(run, "threads"), try number(run, "batch"))
            let speed = try number(run, "images_per_s")
            let first = firstSpeed[batch] ?? speed
            firstSpeed[batch] = first
            #expect(try (1...threads).contains(number(run, "threads_observed")))
            #expect(run["mode"] as? String == "running" && run["executor"] as? String == "dispatch")
            #expect(run["isa"] as? String == machine["isa"] as? String)
            let latency = try object(run["latency_ms"])
            let order = try ["min", "p50", "p90", "p95", "p99", "max"].map { try number(latency, $0) }
            #expect(order == order.sorted() && order[0] > 0)
            let mean = try number(latency, "mean")
            #expect(mean >= order[0] && mean <= order[5])
            #expect(abs(speed * mean / batch / 1e3 - 1) < 1e-6)
            #expect(try number(run, "iterations") >= 6)
            let gflops = try number(run, "gflops")
            #expect(abs(gflops / (speed * flops * 1e-9) - 1) < 1e-6)
            #expect(abs(try number(run, "percent_of_peak") / (gflops / (peak * threads) * 100) - 1) < 1e-6)
            #expect(abs(try number(run, "speedup") / (speed / first) - 1) < 1e-6)
            #expect(abs(try number(run, "efficiency") / (speed / first / threads) - 1) < 1e-6)
            let placement = try #require(run["cpu_placement"] as? [Int])
            #expect(Double(placement.count) == threads)
            #expect(try number(run, "allocations_per_batch") >= 0)
            #expect(try number(run, "peak_rss_bytes") > 1e6)
        }
    }

    @Test func lists() throws {
        func threads(_ arguments: [String]) throws -> [Int] {
            let report = try report(arguments)
            let runs = try #require(report["runs"] as? [[String: Any]])
            return runs.compactMap { $0["threads"] as? Int }
        }
        #expect(try threads(["--threads", "6"]) == [1, 2, 4, 6])
        #expect(try threads(["scaling", "--threads", "3,1"]) == [3, 1])
        #expect(try threads(["--threads", "2,"]) == [2])
        #expect(try threads(["--threads", "1"]) == [1])
        #expect(try threads(["--threads", "2,1,2,1"]) == [2, 1])
        let batches = try report(["--threads", "1", "--batch", "2,1,2"])
        for key in ["runs", "fits"] {
            let items = try #require(batches[key] as? [[String: Any]])
            #expect(items.compactMap { $0["batch"] as? Int } == [2, 1], "\(key)")
        }
    }

    @Test func otherModes() throws {
        let report = try report([
            "--threads", "2,", "--mode", "batch", "--executor", "openmp", "--isa", "baseline",
        ])
        let run = try #require((report["runs"] as? [[String: Any]])?.first)
        #expect(run["mode"] as? String == "batch" && run["executor"] as? String == "openmp")
        #expect(run["isa"] as? String == "baseline")
    }

    /// More workers than cores: a warning, and the truth.
    @Test func aboveTheCores() throws {
        let outcome = try run(
            .bench,
            ["--threads", "1024,", "--batch", "2", "--json", "-"] + Self.quick + Fixture.odd.modelOptions)
        #expect(outcome.status == 0)
        #expect(outcome.error.contains("warning[threads-above-cores]"))
        let report = try object(JSONSerialization.jsonObject(with: outcome.output))
        let run = try #require((report["runs"] as? [[String: Any]])?.first)
        #expect(try number(run, "threads") == 1024)
        #expect(try number(run, "threads_observed") <= 2)
        #expect((report["warnings"] as? [String])?.contains { $0.hasPrefix("threads-above-cores") } == true)
    }

    @Test func textAndFile() throws {
        let folder = try TemporaryFolder()
        let file = folder.path("report.json")
        let outcome = try run(
            .bench,
            ["--threads", "2", "--json", file, "--progress"] + Self.quick + Fixture.small.modelOptions)
        #expect(outcome.status == 0)
        for word in [
            "machine", "model", "memory", "images/s", "speed-up", "efficiency", "GFLOP/s", "% of peak",
        ] {
            #expect(outcome.text.contains(word), "\(word)")
        }
        #expect(outcome.text.contains(". ideal") && outcome.text.contains("laws of batch 32"))
        #expect(outcome.error.contains("scaling ["))
        _ = try object(JSONSerialization.jsonObject(with: data(file)))
        #expect(folder.names == ["report.json"])
    }
}
