import Testing

/// Wrong flags end with 64 and one line; what the version lacks is refused by name.
@Suite struct UsageTests {
    @Test(arguments: [
        "0", "-1", "abc", "10000", "1025", "", ",", "1,,2", ",2", "1.5", "99999999999999999999", "+3", "0x2",
    ])
    func threads(_ value: String) throws {
        try expectFailure(.bench, ["--threads", value], 64, "error[usage]: --threads:")
        try expectFailure(
            .score, ["--threads", value, "--input", "randn:1", "--output", "x.npy"], 64, "--threads:")
    }

    @Test(arguments: ["0", "-1", "", ",", "x", "1,0", "99999999999999999999"])
    func batch(_ value: String) throws {
        try expectFailure(.bench, ["scaling", "--batch", value], 64, "error[usage]: --batch:")
    }

    @Test(arguments: [
        ["--model", "resnet19"], ["--model", "net.onnx"], ["--block", "dense"],
        ["--activation", "dense"], ["--mode", "train"],
        ["--isa", "avx1024"], ["--executor", "threads"], ["--pin", "cores"], ["--pin", "list:"],
        ["--pin", "list:x"],
        ["--seed", "-1"], ["--seed", "x"], ["--max-memory", "0"], ["--max-memory", "1G"], ["--image", "28"],
        ["--image", "0x28"], ["--image", "axb"], ["--weights", "model.pth"],
        ["--impl", "nothing*"], ["--skip-impl", "conv*,nothing*"],
        ["--tune-cache", "file"], ["--tune-cache", "", "--tune"],
    ])
    func modelOption(_ arguments: [String]) throws {
        for command in ["scaling", "kernels"] {
            try expectFailure(.bench, [command] + arguments, 64, "error[usage]: \(arguments[0])")
        }
        try expectFailure(.score, arguments + ["--input", "randn:1", "--output", "x.npy"], 64, arguments[0])
    }

    /// Patterns of the environment are reported by the variable's name.
    @Test(arguments: ["RESNET_ENGINE_IMPL", "RESNET_ENGINE_SKIP_IMPL"])
    func patternsOfTheEnvironment(_ variable: String) throws {
        let outcome = try run(.bench, ["kernels"], environment: [variable: "nothing*"])
        #expect(outcome.status == 64)
        #expect(outcome.error.hasPrefix("error[usage]: \(variable): 'nothing*'"), "\(outcome.error)")
        // A flag stands above its variable.
        let flag = variable == "RESNET_ENGINE_IMPL" ? "--impl" : "--skip-impl"
        let both = try run(
            .bench, ["kernels", flag, "convnxnplanar*"], environment: [variable: "nothing*"])
        #expect(both.status == 0, "\(both.error)")
    }

    @Test func forbiddenByTheEnvironment() throws {
        let variable = "RESNET_ENGINE_SKIP_IMPL"
        let some = try run(.bench, ["kernels"], environment: [variable: "winograd*"])
        #expect(some.status == 0 && some.text.contains("forbidden by \(variable) winograd*"))
        let all = try run(.bench, ["kernels"], environment: [variable: "*"])
        #expect(all.status == 69 && all.error.contains(variable) && !all.error.contains("--skip-impl"))
    }

    /// Kernels of operations that this model has not, and of a plugin's operation that it has.
    @Test(arguments: [
        ["--skip-impl", "flatten*,maxpool*,meanpool*,affine*"],
        ["--block", "squeeze-excitation", "--impl", "sigmoidgate*"],
    ])
    func everyKernelHasAName(_ arguments: [String]) throws {
        try expectSuccess(.bench, ["kernels"] + arguments)
    }

    @Test func nothingLeftToRun() throws {
        for pattern in ["*", "conv*,winograd*", "linear*"] {
            let outcome = try run(.bench, ["kernels", "--skip-impl", pattern])
            #expect(outcome.status == 69 && outcome.errorLines.count == 1)
            #expect(
                outcome.error.contains("--skip-impl") && outcome.error.utf8.count < 250, "\(outcome.error)")
        }
    }

    @Test(arguments: [
        ["--warmup", "-1"], ["--iterations", "0"], ["--iterations", "x"], ["--duration", "-1"],
        ["--duration", "nan"], ["--duration", "inf"], ["--repeats", "0"],
    ])
    func timing(_ arguments: [String]) throws {
        try expectFailure(.bench, arguments, 64, "error[usage]: \(arguments[0])")
    }

    @Test(arguments: [
        ["--resume", "x"], ["--rejects", "x"],
    ])
    func later(_ arguments: [String]) throws {
        let name = arguments[0].split(separator: "=")[0]
        try expectFailure(.bench, arguments, 64, "error[usage]: \(name): not in version")
        try expectFailure(.score, arguments, 64, "error[usage]: \(name): not in version")
    }

    @Test(arguments: [
        ["--frobnicate"], ["--thread", "1"], ["-x"], ["bogus"], ["scaling", "bogus"], ["summary", "extra"],
        ["--threads"], ["--json"], ["verify", "--input", "x.npy"], ["verify", "--expect", "x.npy"],
        ["verify", "--tolerance", "-1"], ["topology", "--threads", "1,2"],
        ["topology", "--synthetic", "nonsense"],
        ["layer", "conv:c4h4w4,k4r1s1", "--threads", "2"],
        ["layer", "conv:c4h4w4,k4r1s1", "--model", "resnet18"],
        ["summary", "--batch", "0"], ["kernels", "--threads", "0"], ["summary", "--threads", "abc"],
        ["summary", "--threads", "0"], ["verify", "--threads", "1025"], ["topology", "--threads", "abc"],
    ])
    func benchArguments(_ arguments: [String]) throws {
        try expectFailure(.bench, arguments, 64, "error[usage]: ")
    }

    @Test(arguments: [
        [], ["--input", "randn:1"], ["--output", "x.npy"], ["--input", "randn:", "--output", "x.npy"],
        ["--input", "randn:10000001", "--output", "x.npy"],
        ["--input", "randn:-1", "--output", "x.npy"], ["--input", "randn:x", "--output", "x.npy"],
        ["--input", "-", "--output", "x.npy"], ["--input", "randn:1", "--output", "-"],
        ["--input", "randn:1", "--output", ""],
        ["--input", "randn:1", "--output", "x.npy", "--batch", "1,2"],
        ["--input", "randn:1", "--output", "x.npy", "--save-input", "x.npy"],
        ["--input", "randn:1", "--output", "x.npy", "--save-input", "./x.npy"],
        ["--input", "randn:1", "--output", "x.npy", "--save-weights", ".//x.npy"],
        ["--input", "x.npy", "--output", "./x.npy"],
        [
            "--input", "randn:1", "--output", "x.npy", "--weights", "w.safetensors", "--save-weights",
            "./w.safetensors",
        ],
        ["--input", "randn:1", "--output", "x.npy", "--save-buffers", "b.safetensors"],
        ["--input", "randn:1", "--output", "x.npy", "extra"], ["--frobnicate"],
    ])
    func scoreArguments(_ arguments: [String]) throws {
        try expectFailure(.score, arguments, 64, "error[usage]: ")
    }

    @Test func helpAndVersion() throws {
        for program in Program.allCases {
            #expect(try expectSuccess(program, ["--version"]).text == "0.1.0\n")
            #expect(try expectSuccess(program, ["--help"]).text.contains("--threads"))
        }
        for command in ["scaling", "summary", "topology", "verify", "kernels"] {
            #expect(try expectSuccess(.bench, [command, "--help"]).text.contains("--max-memory"))
        }
    }

    @Test func instructionSetAboveTheMachine() throws {
        let isTop = try run(.bench, ["summary", "--isa", "avx512"]).status == 0
        guard !isTop else { return }
        for command in ["scaling", "summary", "topology", "verify", "kernels"] {
            try expectFailure(.bench, [command, "--isa", "avx512"], 69, "error[unavailable]: --isa")
        }
    }
}
