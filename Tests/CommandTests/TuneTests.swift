import Foundation
import Testing

/// `--tune`: kernels chosen by measurement, kept in a file that may be damaged, foreign, shared or impossible.
@Suite struct TuneTests {
    private let kernels = ["kernels", "--isa", "baseline", "--tune"]

    @Test func timesAreKept() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("times")
        let first = try expectSuccess(.bench, kernels + ["--tune-cache", path])
        #expect(first.error.isEmpty)
        #expect(first.text.contains("measured "), "no kernel was measured")
        let kept = try data(path)
        #expect(kept.count > 100)
        // Nothing is measured again: the same ratios, and the file as it was.
        let second = try expectSuccess(.bench, kernels + ["--tune-cache", path])
        #expect(second.output == first.output)
        #expect(try data(path) == kept)
        // Other candidates are another problem.
        try expectSuccess(.bench, kernels + ["--tune-cache", path, "--exact", "--skip-impl", "conv1x1few*"])
        #expect(try data(path).count > kept.count)
        #expect(folder.names == ["times"])
        #expect(!(try expectSuccess(.bench, ["kernels", "--isa", "baseline"]).text.contains("measured ")))
    }

    @Test func theUsualPlace() throws {
        let folder = try TemporaryFolder()
        for (variable, file) in [
            ("XDG_CACHE_HOME", "resnet-engine/tuning.json"), ("HOME", ".cache/resnet-engine/tuning.json"),
        ] {
            let home = folder.path(variable)
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            // A relative folder counts as none.
            var environment = ["XDG_CACHE_HOME": "relative"]
            environment[variable] = home
            let outcome = try run(.bench, kernels, environment: environment)
            #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome.error)")
            #expect(try data("\(home)/\(file)").count > 100)
        }
        let nowhere = try run(.bench, kernels, environment: ["XDG_CACHE_HOME": "", "HOME": ""])
        #expect(nowhere.status == 0 && nowhere.errorLines.count == 1)
        #expect(nowhere.errorLines.allSatisfy { $0.hasPrefix("warning[tuning]: ") })
    }

    @Test func cachesThatCannotBeUsedAreWarnings() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("times")
        try expectSuccess(.bench, kernels + ["--tune-cache", path])
        let whole = try data(path)
        // Ended early: measured again and replaced.
        let cut = try folder.file("cut", whole.prefix(whole.count / 2))
        let outcome = try run(.bench, kernels + ["--tune-cache", cut])
        #expect(outcome.status == 0 && outcome.errorLines.count == 1)
        #expect(outcome.error.hasPrefix("warning[tuning]: ignored: \(cut): "), "\(outcome.error)")
        #expect(outcome.text.contains("measured "))
        #expect(try run(.bench, kernels + ["--tune-cache", cut]).error.isEmpty)
        // Something else: left alone.
        let other = try folder.file("other", Data("precious".utf8))
        for path in [other, folder.path("none/times"), folder.url.path] {
            let outcome = try run(.bench, kernels + ["--tune-cache", path])
            #expect(outcome.status == 0, "\(outcome.error)")
            #expect(outcome.errorLines.count == 1 && outcome.error.hasPrefix("warning[tuning]: "))
            #expect(outcome.error.contains(": \(path)"), "\(outcome.error)")
            #expect(outcome.text.contains("measured "))
        }
        #expect(try data(other) == Data("precious".utf8))
    }

    /// Processes that start together each leave a whole file, and score alike.
    @Test func processesAtTheSameTime() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("times")
        let plain = folder.path("plain.npy")
        try expectSuccess(
            .score,
            Fixture.odd.modelOptions + [
                "--input", Fixture.odd.file("input.npy"), "--output", plain, "--exact",
            ])
        let outputs = (0..<4).map { folder.path("\($0).npy") }
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            #expect(throws: Never.self) {
                let output = outputs[index]
                let outcome = try expectSuccess(
                    .score,
                    Fixture.odd.modelOptions + [
                        "--input", Fixture.odd.file("input.npy"), "--output", output, "--tune",
                        "--tune-cache", path, "--exact",
                    ])
                #expect(outcome.error.isEmpty)
                #expect(try data(output) == data(plain))
            }
        }
        #expect(folder.names.count == 6)
        let last = ["kernels", "--tune", "--tune-cache", path] + Fixture.odd.modelOptions
        #expect(try expectSuccess(.bench, last).error.isEmpty)
    }

    @Test func oneLayer() throws {
        let folder = try TemporaryFolder()
        let arguments = [
            "layer", "conv:c64h9w9,k64r1s1,bias", "--iterations", "1", "--tune", "--tune-cache",
            folder.path("times"),
        ]
        let outcome = try expectSuccess(.bench, arguments)
        #expect(outcome.text.contains("picked"))
        #expect(folder.names == ["times"])
    }
}
