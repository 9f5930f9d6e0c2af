import Foundation
import Testing

/// Files that are missing, malformed or cannot be written.
@Suite struct FileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func score(_ arguments: [String]) -> [String] {
        Fixture.small.modelOptions + arguments
    }

    @Test func missing() throws {
        let missing = folder.path("missing")
        let output = folder.path("out.npy")
        try expectFailure(
            .score, ["--weights", missing, "--input", "randn:1", "--output", output], 66, missing)
        try expectFailure(.score, score(["--input", missing, "--output", output]), 66, missing)
        try expectFailure(.score, score(["--input", folder.url.path, "--output", output]), 66)
        for command in ["scaling", "summary", "kernels"] {
            try expectFailure(.bench, [command, "--weights", missing], 66, missing)
        }
        let golden = Fixture.small.file("output_eval.npy")
        try expectFailure(.bench, ["verify"] + score(["--input", missing, "--expect", golden]), 66, missing)
        try expectFailure(.bench, ["topology", "--hwloc-xml", missing], 66, missing)
        #expect(folder.names.isEmpty)
    }

    @Test func malformed() throws {
        let output = folder.path("out.npy")
        let weights = try data(Fixture.small.file("weights.safetensors"))
        let contents: [Data] = [
            Data(), Data([1, 2, 3]), Data(repeating: 0xff, count: 100), weights.prefix(weights.count / 2),
            weights + [0], Data("garbage that is long enough to hold a header".utf8),
        ]
        for content in contents {
            let file = try folder.file("bad", content)
            try expectFailure(
                .score, ["--weights", file, "--input", "randn:1", "--output", output], 65, file)
            try expectFailure(.bench, ["summary", "--weights", file], 65, file)
            try expectFailure(.score, score(["--input", file, "--output", output]), 65, file)
            try expectFailure(.bench, ["topology", "--hwloc-xml", file], 65, file)
        }
        #expect(folder.names == ["bad"])
    }

    @Test func wrongShapes() throws {
        let output = folder.path("out.npy")
        for shape in [[2, 3, 28, 28], [3, 8, 8], [2, 4, 8, 8], [2, 3, 8, 8, 1], [0, 1, 1, 1]] {
            let file = try folder.file("images.npy", emptyArray(shape))
            try expectFailure(
                .score, score(["--input", file, "--output", output]), 65, "images.npy: shape (\(shape[0]), ")
        }
        let golden = try folder.file("golden.npy", emptyArray([1, 1]))
        let input = Fixture.small.file("input.npy")
        try expectFailure(.bench, ["verify"] + score(["--input", input, "--expect", golden]), 65, golden)
        // A classifier of another area than a square needs --image.
        let weights = folder.path("w.safetensors")
        let drawn = ["--image", "4x5", "--input", "randn:1", "--save-weights", weights, "--output", output]
        try expectSuccess(.score, drawn)
        try expectFailure(.bench, ["summary", "--weights", weights], 65, "--image")
        try expectFailure(
            .bench, ["summary", "--weights", weights, "--image", "4x6"], 65, "layer_out.weight")
        try expectSuccess(.bench, ["summary", "--weights", weights, "--image", "5x4"])
    }

    @Test func unwritable() throws {
        let nowhere = folder.path("no/such/folder/out")
        try expectFailure(.score, score(["--input", "randn:1", "--output", nowhere]), 73, nowhere)
        try expectFailure(.score, score(["--input", "randn:1", "--output", folder.url.path]), 73)
        let output = folder.path("out.npy")
        for flag in ["--save-input", "--save-weights"] {
            try expectFailure(
                .score, score(["--input", "randn:1", "--output", output, flag, nowhere]), 73, nowhere)
        }
        try expectFailure(.bench, ["scaling", "--json", nowhere], 73, nowhere)
        try expectFailure(.bench, ["topology", "--json", nowhere], 73, nowhere)
    }

    @Test func full() throws {
        try expectFailure(.score, score(["--input", "randn:1", "--output", "/dev/full"]), 74, "/dev/full")
        try expectFailure(.bench, ["topology", "--json", "/dev/full"], 74, "/dev/full")
        for arguments in [["summary"], ["topology"], ["kernels"], ["--help"], ["--version"]] {
            try expectFailure(.bench, arguments, 74, "standard output", standardOutput: "/dev/full")
        }
    }

    @Test func memory() throws {
        for program in Program.allCases {
            let rest = program == .score ? ["--input", "randn:1", "--output", folder.path("out.npy")] : []
            try expectFailure(program, ["--max-memory", "1000"] + rest, 71, "--max-memory")
            try expectFailure(program, ["--max-memory", "3000000"] + rest, 71, "--max-memory")
            try expectFailure(
                program, ["--image", "4096x4096", "--max-memory", "100000000"] + rest, 71, "--max-memory")
        }
        try expectFailure(.bench, ["--batch", "1073741824"], 71, "memory")
        // A limit above the memory that there is changes nothing.
        let generous = ["--max-memory", "\(Int.max)"]
        try expectFailure(.bench, ["--batch", "1073741824"] + generous, 71, "memory")
        #expect(folder.names.isEmpty)
    }

    /// Weights above the memory are refused before they are read.
    @Test func memoryOfWeights() throws {
        try expectFailure(
            .bench, ["kernels", "--max-memory", "1000"] + Fixture.small.modelOptions, 71, "--max-memory")
        let count = 1 << 42
        let header = #"{"t":{"dtype":"F32","shape":[\#(count / 4)],"data_offsets":[0,\#(count)]}}"#
        let bytes = Data([UInt8(header.utf8.count)] + [UInt8](repeating: 0, count: 7) + header.utf8)
        let weights = try folder.file("sparse.safetensors", bytes)
        try #require(FileHandle(forWritingAtPath: weights)).truncate(atOffset: UInt64(bytes.count + count))
        for more in [[], ["--max-memory", "\(Int.max)"]] {
            for command in ["summary", "kernels"] {
                try expectFailure(
                    .bench, [command, "--weights", weights] + more, 71, "memory of this machine")
            }
        }
    }

    /// Two spellings of one file, one through a link.
    @Test func sameFile() throws {
        let input = try folder.file("in.npy", try data(Fixture.small.file("input.npy")))
        let link = folder.path("link.npy")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: input)
        try expectFailure(.score, score(["--input", input, "--output", link]), 64, "--output")
        let here = folder.path("sub")
        try FileManager.default.createSymbolicLink(atPath: here, withDestinationPath: folder.url.path)
        let arguments = [
            "--input", input, "--output", folder.path("out.npy"), "--save-input", here + "/out.npy",
        ]
        try expectFailure(.score, score(arguments), 64, "--save-input")
        #expect(try data(input) == data(Fixture.small.file("input.npy")))
        try expectSuccess(
            .score, score(["--input", input, "--output", "/dev/null", "--save-input", "/dev/null"]))
    }

    /// A pipe by name is opened once, and its reader gets the whole report.
    @Test func reportToPipe() throws {
        let pipe = folder.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let quick = [
            "--threads", "1", "--warmup", "0", "--iterations", "1", "--duration", "0", "--repeats", "1",
        ]
        for arguments in [["topology"], ["kernels"], ["scaling"] + quick] {
            let reader = Process()
            reader.executableURL = URL(fileURLWithPath: "/bin/sh")
            reader.arguments = ["-c", "cat pipe > copy"]
            reader.currentDirectoryURL = folder.url
            try reader.run()
            let outcome = try expectSuccess(
                .bench, arguments + Fixture.small.modelOptions + ["--json", pipe])
            reader.waitUntilExit()
            #expect(!outcome.output.isEmpty)
            _ = try JSONSerialization.jsonObject(with: data(folder.path("copy")))
        }
    }

    @Test func reportToStandardOutput() throws {
        for name in ["-", "/dev/stdout"] {
            let outcome = try expectSuccess(.bench, ["topology", "--json", name])
            _ = try JSONSerialization.jsonObject(with: outcome.output)
        }
    }

    /// Names that look like something else, and a link that stays a link.
    @Test func oddNames() throws {
        let fixture = Fixture.odd
        let input = try folder.file("a b,'ü\".npy", try data(fixture.file("input.npy")))
        let target = try folder.file("target", Data())
        let link = folder.path("link.npy")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        try expectSuccess(.score, fixture.modelOptions + ["--input", input, "--output", link])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
        #expect(try error(target, against: fixture.file("output_eval.npy")) < 5e-6)
        let direct = try expectSuccess(
            .score, fixture.modelOptions + ["--input", input, "--output", "/dev/stdout"])
        #expect(try direct.output == data(target))
    }
}
