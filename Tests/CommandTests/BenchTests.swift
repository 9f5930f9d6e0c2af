import Foundation
import Testing

/// `summary`, `topology`, `verify` and `kernels`.
@Suite struct BenchTests {
    @Test func summary() throws {
        let expected = try data(fixture("summary-notebook.txt"))
        #expect(try expectSuccess(.bench, ["summary"]).output == expected)
        let small = try expectSuccess(.bench, ["summary"] + Fixture.odd.modelOptions)
        #expect(small.text.hasPrefix("ResNet(\n  (layer_out): Linear("))
        #expect(small.output != expected)
    }

    @Test func topology() throws {
        #expect(try expectSuccess(.bench, ["topology"]).text.contains("placement"))
        let nodes = try expectSuccess(.bench, ["topology", "--synthetic", "numa:2 core:2 pu:1"]).text
        #expect(nodes.contains("NUMA nodes 2 (0, 1)\n"))
        let outcome = try run(
            .bench,
            [
                "topology", "--synthetic", "package:2 core:4 pu:2", "--threads", "9", "--pin", "core",
                "--json", "-",
            ])
        #expect(outcome.status == 0)
        #expect(outcome.error.contains("warning[threads-above-cores]"))
        let report = try #require(JSONSerialization.jsonObject(with: outcome.output) as? [String: Any])
        let machine = try #require(report["machine"] as? [String: Any])
        #expect(machine["cores"] as? Int == 8)
        #expect(machine["allowed_cpus"] as? Int == 16)
        #expect(machine["quota_cpus"] is NSNull)
        let placement = try #require(report["placement"] as? [String: Any])
        let workers = try #require(placement["workers"] as? [[String: Any]])
        #expect(workers.compactMap { $0["cpu"] as? Int } == [0, 2, 4, 6, 8, 10, 12, 14, 1])
        #expect((report["warnings"] as? [String])?.count == 1)
    }

    @Test func kernels() throws {
        let text = try expectSuccess(.bench, ["kernels", "--isa", "baseline"]).text
        #expect(
            text.contains("make_layer.0.conv1") && text.contains("layer_out") && text.contains("absorbed"))
        #expect(text.contains("takes"), "no kernel was rejected")
        let batch = try expectSuccess(.bench, ["kernels", "--mode", "batch", "--json", "-"])
        let report = try #require(JSONSerialization.jsonObject(with: batch.output) as? [String: Any])
        let layers = try #require(report["layers"] as? [[String: Any]])
        #expect(layers.allSatisfy { ($0["kernel"] as? String)?.isEmpty == false })
        let nodes = try #require(report["fusions"] as? [[String: Any]])
        let absorbed = layers.flatMap { $0["absorbed"] as? [String] ?? [] }
        #expect(nodes.filter { $0["absorbed_by"] is String }.count == absorbed.count)
        #expect(nodes.count == layers.count + absorbed.count)
        #expect(
            nodes.allSatisfy {
                ($0["absorbed_by"] == nil) == (($0["reasons"] as? [String])?.isEmpty == false)
            })
        let table = try expectSuccess(.bench, ["kernels", "--fusions", "--mode", "batch"]).text
        #expect(table.contains("not folded: its statistics are the batch's own"))
    }

    @Test(arguments: Fixture.all)
    func golden(_ fixture: Fixture) throws {
        for (mode, golden) in [("running", "eval"), ("batch", "train")] {
            let arguments =
                ["verify"] + fixture.modelOptions + [
                    "--mode", mode, "--input", fixture.file("input.npy"), "--expect",
                    fixture.file("output_\(golden).npy"),
                ]
            #expect(try expectSuccess(.bench, arguments).text.contains("verdict    ok"))
            let outcome = try run(.bench, arguments + ["--tolerance", "0"])
            #expect(outcome.status == 1)
            #expect(outcome.error.hasPrefix("error[comparison]: ") && outcome.errorLines.count == 1)
            #expect(outcome.text.contains("FAILED"))
        }
        let wrong = try run(
            .bench,
            ["verify"] + fixture.modelOptions + [
                "--input", fixture.file("input.npy"), "--expect", fixture.file("output_train.npy"),
            ])
        #expect(wrong.status == 1)
    }

    @Test func verifyKernels() throws {
        let text = try expectSuccess(.bench, ["verify", "--isa", "baseline", "--seed", "11"]).text
        #expect(text.contains("seed 11"))
        #expect(text.contains(".baseline"))
        #expect(!text.contains(".avx2"))
        #expect(text.hasSuffix(" kernels, 0 failed\n"))
    }
}
