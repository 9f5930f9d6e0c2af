import Foundation
import Testing

/// `resnet-bench prepare`, and what takes its files.
@Suite struct PrepareTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func prepare(_ fixture: Fixture, _ flags: [String] = []) throws -> String {
        let file = folder.path("prepared.safetensors")
        try expectSuccess(.bench, ["prepare"] + fixture.modelOptions + flags + ["--output", file])
        return file
    }

    private func options(_ fixture: Fixture, _ weights: String) -> [String] {
        let options = fixture.modelOptions
        return options.enumerated().map { index, word in
            index > 0 && options[index - 1] == "--weights" ? weights : word
        }
    }

    @Test(arguments: Fixture.all)
    func sameBytes(_ fixture: Fixture) throws {
        let file = try prepare(fixture)
        var outputs: Set<Data> = []
        for weights in [
            fixture.modelOptions, options(fixture, file), options(fixture, file) + ["--map-weights"],
        ] {
            let output = folder.path("out.npy")
            try expectSuccess(.score, weights + ["--input", fixture.file("input.npy"), "--output", output])
            outputs.insert(try data(output))
        }
        #expect(outputs.count == 1)
        try expectSuccess(.bench, ["summary"] + options(fixture, file))
    }

    @Test func damagedAndForeignFiles() throws {
        let fixture = Fixture.small
        let file = try prepare(fixture)
        let whole = try data(file)
        let output = folder.path("out.npy")
        func score(_ weights: String) -> [String] {
            options(fixture, weights) + ["--input", "randn:1", "--output", output]
        }
        for content in [whole.prefix(whole.count / 2), whole.prefix(60), whole + [0]] {
            let bad = try folder.file("bad", content)
            try expectFailure(.score, score(bad), 65, bad)
            try expectFailure(.score, score(bad) + ["--map-weights"], 65, bad)
        }
        try expectFailure(.score, score(file) + ["--exact"], 65, file)
        try expectFailure(.score, score(file) + ["--mode", "batch"], 64, "--mode")
        let own = fixture.modelOptions + ["--input", "randn:1", "--output", output, "--map-weights"]
        try expectFailure(.score, own, 64, "--map-weights")
        let drawn = ["--seed", "0", "--input", "randn:1", "--output", output, "--map-weights"]
        try expectFailure(.score, drawn, 64, "--map-weights")
        try expectFailure(.score, score(file) + ["--save-weights", folder.path("w")], 64, "--save-weights")
        #expect(!folder.names.contains("out.npy"))
        // What wants the model's own weights says so.
        try expectFailure(.bench, ["kernels"] + options(fixture, file), 69, file)
    }

    @Test func wrongFlags() throws {
        let fixture = Fixture.small
        try expectFailure(.bench, ["prepare"] + fixture.modelOptions, 64, "--output")
        let file = try prepare(fixture)
        let before = try data(file)
        try expectFailure(
            .bench, ["prepare"] + options(fixture, file) + ["--output", folder.path("again")], 64, "--weights"
        )
        try expectFailure(.bench, ["prepare"] + options(fixture, file) + ["--output", file], 64, "--output")
        try expectFailure(
            .bench, ["prepare"] + fixture.modelOptions + ["--mode", "batch", "--output", folder.path("b")],
            64,
            "--mode")
        #expect(try data(file) == before)
        try expectFailure(
            .bench, ["prepare"] + fixture.modelOptions + ["--output", "/nowhere/prepared.safetensors"], 73)
    }
}
