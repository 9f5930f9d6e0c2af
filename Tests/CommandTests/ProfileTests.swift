import Foundation
import Testing

/// `profile` and `layer`.
@Suite struct ProfileTests {
    private func number(_ layer: [String: Any], _ key: String) throws -> Double {
        try #require(layer[key] as? NSNumber).doubleValue
    }

    /// Every figure of a layer follows from the others, and those of all layers from the layers.
    @Test(arguments: [
        [], ["--mode", "batch"],
        ["--model", "resnet18", "--image", "40x33", "--block", "squeeze-excitation"],
    ])
    func figuresAgree(options: [String]) throws {
        let arguments = ["profile", "--batch", "6", "--iterations", "3", "--json", "-"] + options
        let outcome = try expectSuccess(.bench, arguments)
        let report = try #require(JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        let layers = try #require(report["layers"] as? [[String: Any]])
        let total = try number(report, "total_ms")
        let peak = try number(report, "peak_gflops_per_core")
        let bandwidth = try number(report, "memory_gb_per_s_per_core")
        #expect(bandwidth > 0.1 && bandwidth < 10_000)
        func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-12 }
        #expect(layers.count > 8 && total > 0)
        #expect(try close(layers.reduce(0) { $0 + (try number($1, "ms_mean")) }, total))
        #expect(try close(layers.reduce(0) { $0 + (try number($1, "percent")) }, 100))
        // What is between the layers is handing out work; how much that is, a busy machine decides.
        #expect(try number(report, "busy_ms") >= total)
        for layer in layers {
            let time = try number(layer, "ms_mean")
            #expect(try close(number(layer, "percent"), 100 * time / total))
            #expect(try close(number(layer, "gflops"), number(layer, "flops") / time / 1e6))
            #expect(try close(number(layer, "percent_of_peak"), 100 * number(layer, "gflops") / peak))
            #expect(
                try number(layer, "ms_min") <= time * (1 + 1e-9) && number(layer, "imbalance") >= 1 - 1e-9)
            let bytes = try number(layer, "bytes")
            if bytes > 0 { #expect(try close(number(layer, "intensity"), number(layer, "flops") / bytes)) }
            let spread = try number(layer, "ms_median") - number(layer, "ms_min")
            #expect(try spread >= 0 && number(layer, "ms_deviation") >= 0)
            if bytes > 0, try number(layer, "intensity") > 0 {
                let memory = try number(layer, "intensity") * bandwidth
                #expect(layer["roof"] as? String == (memory < peak ? "memory" : "compute"))
                #expect(
                    try close(
                        number(layer, "percent_of_roof"), 100 * number(layer, "gflops") / min(memory, peak)))
            } else {
                #expect(layer["roof"] is NSNull && layer["percent_of_roof"] is NSNull)
            }
            let operation = try #require(layer["op"] as? String)
            let isConvolution = operation.hasSuffix("convolution")
            #expect(isConvolution == (layer["repro"] as? String)?.hasPrefix("conv:") ?? false)
            #expect((layer["repro"] is NSNull) == (layer["repro_reason"] is String))
            #expect(
                (layer["repro"] is String) == (isConvolution || ["linear", "pooling"].contains(operation)))
        }
    }

    @Test(arguments: [[], ["--model", "resnet18", "--image", "40x33"]])
    func reproductionsRun(options: [String]) throws {
        let outcome = try expectSuccess(
            .bench, ["profile", "--batch", "2", "--iterations", "1", "--json", "-"] + options)
        let report = try #require(JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        for layer in try #require(report["layers"] as? [[String: Any]]) {
            guard let problem = layer["repro"] as? String else { continue }
            let text = try expectSuccess(.bench, ["layer", problem, "--iterations", "1"]).text
            let line = text.split(separator: "\n").first { $0.hasSuffix("picked") }
            #expect(line?.hasPrefix(layer["kernel"] as? String ?? "?") == true, "\(problem): \(text)")
        }
    }

    /// Each event is counted in every layer, or said to be missing.
    @Test func counters() throws {
        let arguments = ["profile", "--batch", "2", "--iterations", "1", "--threads", "2", "--counters"]
        let outcome = try expectSuccess(.bench, arguments + ["--json", "-"])
        let report = try #require(JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        let counters = try #require(report["counters"] as? [String: Any])
        let events = try #require(counters["events"] as? [String])
        let missing = try #require(counters["missing"] as? [[String: String]])
        #expect(missing.allSatisfy { $0["reason"]?.isEmpty == false })
        let names = ["cycles", "instructions", "l2_misses", "l3_misses", "page_faults", "task_clock_ns"]
        #expect((events + missing.compactMap { $0["event"] }).sorted() == names)
        for layer in try #require(report["layers"] as? [[String: Any]]) {
            let counts = try #require(layer["counters"] as? [String: Double])
            #expect(counts.keys.sorted() == events.sorted() && counts.values.allSatisfy { $0 >= 0 })
            if events.contains("task_clock_ns") { #expect(counts["task_clock_ns"] ?? 0 > 0) }
        }
        let table = try expectSuccess(.bench, arguments).text
        #expect(table.split(separator: "\n").contains { $0.hasPrefix("counters: ") })
    }

    @Test func formsAgree() throws {
        let folder = try TemporaryFolder()
        let trace = folder.path("trace.json")
        let arguments = ["profile", "--batch", "3", "--iterations", "1", "--threads", "2", "--trace", trace]
        let table = try expectSuccess(.bench, arguments).text
        #expect(table.contains("make_layer.0.conv1") && table.contains("overhead"))
        let file = try JSONSerialization.jsonObject(with: data(trace)) as? [String: Any]
        let events = try #require(file?["traceEvents"] as? [[String: Any]])
        #expect(Set(events.compactMap { $0["ph"] as? String }) == ["M", "X"])
        #expect(events.contains { $0["name"] as? String == "layer_out" })
        let csv = try expectSuccess(.bench, arguments + ["--csv"]).text.split(separator: "\n")
        #expect(csv.first?.hasPrefix("index,name,op") == true && csv.count == 12)
    }

    @Test func layer() throws {
        let problem = "conv:n2c16h9w9,k16r3s3,pad1,bias"
        let report = try expectSuccess(.bench, ["layer", problem, "--iterations", "2", "--json", "-"])
        let object = try #require(JSONSerialization.jsonObject(with: report.output) as? [String: Any])
        let kernels = try #require(object["kernels"] as? [[String: Any]])
        #expect(kernels.filter { $0["picked"] as? Bool == true }.count == 1)
        #expect(kernels.count >= 3)
        let one = try expectSuccess(
            .bench, ["layer", problem, "--impl", "*.reference", "--iterations", "1"]
        ).text
        let timed = one.components(separatedBy: "not timed")[0]
        #expect(timed.contains("conv.f32.1x1.reference") && !timed.contains("winograd4x4.f32"))
        for wrong in ["conv:x", "linear:n1", "pool:c1h1,k1r1", ""] {
            try expectFailure(.bench, ["layer", wrong], 64)
        }
        try expectFailure(.bench, ["layer", "conv:c4h2w2,k4r5s5"], 65)
        try expectFailure(.bench, ["layer", "linear:n1c8,k8", "--skip-impl", "linear*"], 69)
        try expectFailure(.bench, ["profile", "--json", "-", "--trace", "-"], 64, "--trace")
        try expectFailure(.bench, ["profile", "--csv", "--json", "-"], 64, "--json")
        let folder = try TemporaryFolder()
        let same = folder.path("same")
        try expectFailure(.bench, ["profile", "--json", same, "--trace", same], 64, "--trace")
        try expectFailure(.bench, ["--json", same, "--html", folder.path("./same")], 64, "--html")
        let exact = try expectSuccess(.bench, ["layer", problem, "--exact", "--iterations", "1"]).text
        #expect(exact.contains("rounds otherwise") && exact.contains("picked"))
    }
}
