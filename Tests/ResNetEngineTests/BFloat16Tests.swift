import ResNetEngine
import Testing

/// Networks whose feature maps are bfloat16 numbers.
@Suite struct BFloat16Tests {
    /// A share of the largest output, by which outputs may be off.
    static let tolerance = 2e-2

    /// Patterns of kernels that are chosen where they can run: those that estimates pick, and F(2×2, 3×3), which is not picked
    /// where channels are few or pairs have no instruction.
    static let chosen = ["", "winograd2x2*"]

    static func makeOptions(
        threads: Int = 1, isa: ISALevel, exact: Bool = false, batch: Int = 32, chosen: String = ""
    ) -> EngineOptions {
        var options = ResNetEngineTests.makeOptions(threads: threads, isa: isa, batch: batch)
        options.precision = .bfloat16
        options.exact = exact
        if !chosen.isEmpty { options.kernels = KernelFilter(chosen: [chosen]) }
        return options
    }

    /// Outputs of the model in float64.
    private func reference(_ model: Model, _ input: Tensor) throws -> ReferenceTensor {
        let graph = try model.graph(mode: .running)
        var images = ReferenceTensor(batch: input.shape[0], shape: graph.shape(of: graph.input))
        images.values = input.values.map(Double.init)
        return graph.reference(images)
    }

    /// Stems, poolings, strides, groups and both kinds of blocks; the notebook's network, composed and not.
    @Test(arguments: machineLevels)
    func outputsAreNearTheReference(isa: ISALevel) throws {
        let presets = try ["resnet18", "resnet50", "resnext50_32x4d"].map {
            try makePreset($0, channels: 16, height: 61, width: 75)
        }
        let notebook = ResNet(
            blocks: 2, inputChannels: 3, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        for network in presets + [notebook] {
            let model = try Model(network, seed: 3)
            let input = try seededInput([
                4, network.inputShape.channels, network.inputShape.height, network.inputShape.width,
            ])
            let expected = try reference(model, input).values.map(Float.init)
            for (exact, chosen) in [(false, ""), (true, ""), (false, Self.chosen[1])] {
                let engine = try Engine(
                    model, options: Self.makeOptions(isa: isa, exact: exact, chosen: chosen))
                let family = chosen.isEmpty ? "" : "winograd2x2"
                #expect(
                    (!chosen.isEmpty && network.name.hasPrefix("resnext"))
                        || engine.steps.contains {
                            $0.kernel.hasPrefix(family) && $0.kernel.contains(".bf16.")
                        },
                    "\(network.name) \(chosen)")
                let output: Tensor = try engine.score(input)
                let error = relativeError(output.values, expected)
                #expect(error <= Self.tolerance, "\(network.name), exact \(exact) \(chosen)")
                // Rounding shows, or nothing was computed in bfloat16.
                #expect(error > 1e-5, "\(network.name), exact \(exact) \(chosen)")
            }
        }
    }

    /// Where float64 answers differ by more than the tolerance, the answer is the same.
    @Test(arguments: machineLevels, chosen)
    func answersAgree(isa: ISALevel, chosen: String) throws {
        let network = ResNet(
            blocks: 2, inputChannels: 3, channels: 32, imageHeight: 12, imageWidth: 12, classes: 10)
        let model = try Model(network, seed: 11)
        let count = 256
        let input = try seededInput([count, 3, 12, 12], seed: 9)
        let expected = try reference(model, input)
        let engine = try Engine(model, options: Self.makeOptions(isa: isa, chosen: chosen))
        let output: Tensor = try engine.score(input)
        let largest = expected.values.reduce(0) { max($0, abs($1)) }
        var (answers, compared, agreeing) = (Set<Int>(), 0, 0)
        for row in 0..<count {
            let right = expected.values[row * 10..<row * 10 + 10]
            let sorted = right.sorted(by: >)
            guard sorted[0] - sorted[1] > Self.tolerance * largest else { continue }
            let ours = output.values[row * 10..<row * 10 + 10]
            let answer = right.firstIndex(of: sorted[0]).map { $0 - row * 10 } ?? -1
            answers.insert(answer)
            compared += 1
            agreeing += ours.firstIndex(of: ours.max() ?? 0).map { $0 - row * 10 } == answer ? 1 : 0
        }
        #expect(answers.count >= 5 && compared >= 100, "\(answers.count) classes in \(compared) images")
        #expect(Double(agreeing) >= 0.995 * Double(compared), "\(agreeing) of \(compared)")
    }

    /// As in float32, a row has the same bits whatever the threads, the batch and its place.
    @Test(arguments: machineLevels, chosen)
    func rowsHaveTheSameBits(isa: ISALevel, chosen: String) throws {
        let network = try makePreset("resnet50", channels: 16, height: 75, width: 61)
        let model = try Model(network, seed: 7)
        let input = try seededInput([9, 3, 75, 61])
        func score(_ input: Tensor, threads: Int, batch: Int) throws -> [UInt32] {
            let output: Tensor = try Engine(
                model,
                options: Self.makeOptions(threads: threads, isa: isa, batch: batch, chosen: chosen)
            ).score(input)
            return output.values.map(\.bitPattern)
        }
        let expected = try score(input, threads: 1, batch: 9)
        for (threads, batch) in [(1, 1), (2, 9), (3, 2), (3, 9), (7, 9)] {
            #expect(try score(input, threads: threads, batch: batch) == expected)
        }
        let last = try score(input.rows([8]), threads: 2, batch: 1)
        #expect(last == Array(expected.suffix(last.count)))
    }

    @Test func statisticsOfTheBatchAreRefused() throws {
        let model = try Model(makePreset("resnet18", channels: 16, height: 64, width: 64), seed: 7)
        var options = Self.makeOptions(isa: .detected)
        options.mode = .batch
        #expect { try Engine(model, options: options) } throws: {
            ($0 as? EngineError)?.code == .usage && "\($0)".contains("--precision")
        }
    }

    /// Maps between layers are stored in half the memory.
    @Test func mapsTakeHalfTheMemory() throws {
        let network = try makePreset("resnet50", channels: 16, height: 64, width: 64)
        let model = try Model(network, seed: 7)
        let options = Self.makeOptions(isa: .detected)
        let narrow = try Engine(model, options: options)
        let wide = try Engine(model, options: ResNetEngineTests.makeOptions())
        #expect(Double(narrow.memory.workspace) < 0.8 * Double(wide.memory.workspace))
        #expect(narrow.memory.packed < wide.memory.packed)
    }
}
