import Testing

/// `kernels --assert-op-count` and `--assert-kernel`.
@Suite struct PlanAssertionTests {
    private func kernels(_ claims: [String]) -> [String] { ["kernels", "--isa", "baseline"] + claims }

    /// The notebook network has nine convolutions and a linear layer, and nothing else is left of it.
    @Test(arguments: [
        ["--assert-op-count", "convolution<=7"], ["--assert-op-count", "convolution=7"],
        ["--assert-op-count", "*<11", "--assert-op-count", "lin*>=1"], ["--assert-op-count", "relu=0"],
        ["--assert-op-count", "convolution>6"], ["--assert-kernel", "layer_out=linear*"],
        ["--assert-kernel", "*=*.baseline", "--assert-op-count", "add=0"],
    ])
    func holds(_ claims: [String]) throws {
        #expect(try expectSuccess(.bench, kernels(claims)).text.contains("layer_out"))
    }

    @Test(arguments: [
        (
            ["--assert-op-count", "convolution<=6"],
            "'convolution<=6': 7 convolution steps, expected at most 6"
        ),
        (["--assert-op-count", "convolution<7"], "7 convolution steps, expected fewer than 7"),
        (["--assert-op-count", "relu>0"], "0 relu steps, expected more than 0"),
        (["--assert-op-count", "convolutoin<=7"], "no such operation, expected one of add"),
        (["--assert-kernel", "layer_out=conv*"], "layer_out runs linear"),
        (["--assert-kernel", "layer9.*=*"], "no layer 'layer9.*'"),
        (
            ["--assert-op-count", "add=1", "--assert-kernel", "layer_out=conv*"],
            "'add=1': 0 add steps, expected exactly 1; --assert-kernel 'layer_out=conv*': layer_out runs"
        ),
    ])
    func fails(_ claims: [String], _ text: String) throws {
        for output in [[], ["--json", "-"]] {
            let outcome = try run(.bench, kernels(claims) + output)
            #expect(outcome.status == 1 && outcome.errorLines.count == 1)
            #expect(outcome.error.hasPrefix("error[comparison]: --assert"))
            #expect(outcome.error.contains(text), "\(outcome.error)")
            #expect(outcome.text.contains("layer_out"))
        }
    }

    @Test(arguments: [
        ["--assert-op-count", "convolution"], ["--assert-op-count", "<=3"], ["--assert-op-count", ""],
        ["--assert-op-count", "convolution<=x"], ["--assert-op-count", "convolution<=-1"],
        ["--assert-op-count", "convolution=="], ["--assert-op-count", "a<=99999999999999999999"],
        ["--assert-kernel", "fc"], ["--assert-kernel", "=linear*"], ["--assert-kernel", "fc="],
        ["--assert-kernel", "fc=a=b"], ["--assert-kernel"], ["--assert-op-count"],
    ])
    func malformed(_ claims: [String]) throws {
        try expectFailure(.bench, kernels(claims), 64, "error[usage]: \(claims[0])")
    }
}
