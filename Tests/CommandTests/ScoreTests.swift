import Foundation
import Testing

/// `resnet-score` against PyTorch, and its promises about rows.
@Suite struct ScoreTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: Fixture.all)
    func matchesPyTorch(_ fixture: Fixture) throws {
        for (mode, golden) in [("running", "eval"), ("batch", "train")] {
            let output = folder.path("\(mode).npy")
            try expectSuccess(
                .score,
                fixture.modelOptions + [
                    "--mode", mode, "--input", fixture.file("input.npy"), "--output", output,
                ])
            #expect(try error(output, against: fixture.file("output_\(golden).npy")) < 5e-6)
            #expect(try error(output, against: fixture.file("output_\(golden)_float64.npy")) < 5e-6)
        }
    }

    @Test(arguments: Fixture.all)
    func sameBytesHoweverItRuns(_ fixture: Fixture) throws {
        var outputs: Set<Data> = []
        for variation in [
            [], ["--threads", "1"], ["--threads", "3", "--batch", "1"], ["--threads", "2", "--batch", "2"],
            ["--batch", "5", "--executor", "openmp"], ["--pin", "none"], ["--threads", "64", "--batch", "3"],
        ] {
            let output = folder.path("out.npy")
            try expectSuccess(
                .score,
                fixture.modelOptions + variation + ["--input", fixture.file("input.npy"), "--output", output])
            outputs.insert(try data(output))
        }
        #expect(outputs.count == 1)
    }

    @Test func batchModeIsOneBatchAndSameBytes() throws {
        let fixture = Fixture.small
        var outputs: Set<Data> = []
        for variation in [
            ["--threads", "1"], ["--threads", "2", "--batch", "1"], ["--executor", "openmp"],
        ] {
            let buffers = folder.path("buffers.safetensors")
            let output = folder.path("out.npy")
            try expectSuccess(
                .score,
                fixture.modelOptions + variation + [
                    "--mode", "batch", "--input", fixture.file("input.npy"), "--output", output,
                    "--save-buffers", buffers,
                ])
            outputs.insert(try data(output) + data(buffers))
        }
        #expect(outputs.count == 1)
    }

    @Test func noRows() throws {
        let empty = try folder.file("empty.npy", emptyArray([0, 3, 28, 28]))
        let output = folder.path("out.npy")
        for input in ["randn:0", empty] {
            for mode in ["running", "batch"] {
                try expectSuccess(.score, ["--mode", mode, "--input", input, "--output", output])
                #expect(try floats(output) == ([0, 10], []))
            }
        }
    }

    /// A drawn input, saved and read back, gives the same results; the weights that were drawn do, too.
    @Test func savedInputAndWeights() throws {
        let (drawn, again) = (folder.path("drawn.npy"), folder.path("again.npy"))
        let (input, weights) = (folder.path("in.npy"), folder.path("w.safetensors"))
        try expectSuccess(
            .score,
            [
                "--seed", "3", "--input", "randn:7", "--output", drawn, "--save-input", input,
                "--save-weights", weights,
            ])
        try expectSuccess(
            .score, ["--weights", weights, "--input", input, "--output", again, "--batch", "2"])
        #expect(try data(drawn) == data(again))
        #expect(try floats(input).shape == [7, 3, 28, 28])
        #expect(folder.names.count == 4)
    }

    /// Many rows in bounded memory: those of the draw do not depend on how it is cut into batches.
    @Test func manyRows() throws {
        let fixture = Fixture.odd
        var outputs: Set<Data> = []
        for batch in ["1", "100", "3000", "5000"] {
            let (output, input) = (folder.path("out.npy"), folder.path("in.npy"))
            try expectSuccess(
                .score,
                fixture.modelOptions + [
                    "--input", "randn:3001", "--output", output, "--save-input", input, "--batch", batch,
                ])
            outputs.insert(try data(output) + data(input))
        }
        #expect(outputs.count == 1)
        let limited = folder.path("limited.npy")
        let outcome = try run(
            .score,
            fixture.modelOptions + [
                "--input", "randn:100000", "--output", limited, "--max-memory", "20000000", "--threads", "2",
            ])
        #expect(outcome.status == 0)
        #expect(outcome.error.contains("predicted peak"))
        #expect(try floats(limited).shape.first == 100_000)
    }

    @Test func oneValueAChannel() throws {
        // One row of one pixel has no variance, as PyTorch says too.
        try expectFailure(
            .score,
            ["--image", "1x1", "--mode", "batch", "--input", "randn:1", "--output", folder.path("o.npy")], 65)
        #expect(folder.names.isEmpty)
    }

    @Test func notFinite() throws {
        let fixture = Fixture.odd
        let input = try data(fixture.file("input.npy"))
        // Makes the first value of the first row infinite.
        let offset = input.count - 4 * (try floats(fixture.file("input.npy")).values.count)
        var broken = input
        broken.replaceSubrange(offset..<offset + 4, with: [0, 0, 0x80, 0x7f])
        let file = try folder.file("broken.npy", broken)
        let output = folder.path("out.npy")
        let outcome = try expectSuccess(.score, fixture.modelOptions + ["--input", file, "--output", output])
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.error.hasPrefix("warning[non-finite-results]: 1 of "), "\(outcome.error)")
        let (shape, values) = try floats(output)
        let golden = try floats(fixture.file("output_eval.npy")).values
        #expect(values.count == golden.count)
        let rest = zip(values, golden).dropFirst(shape[1])
        #expect(rest.allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func progress() throws {
        let outcome = try run(
            .score,
            Fixture.odd.modelOptions + [
                "--input", "randn:100", "--output", folder.path("o.npy"), "--progress",
            ])
        #expect(outcome.status == 0)
        #expect(outcome.error.contains("rows ["))
    }
}
