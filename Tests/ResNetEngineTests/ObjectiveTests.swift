import ResNetEngine
import Testing

/// Engines for single images.
@Suite struct ObjectiveTests {
    private static func options(
        _ objective: Objective, threads: Int = 1, isa: ISALevel = .detected, batch: Int = 32
    ) -> EngineOptions {
        var options = makeOptions(threads: threads, isa: isa, batch: batch)
        options.objective = objective
        return options
    }

    /// Two ends of a network: wide layers over small maps, of which Winograd's weights outweigh the products, and narrow ones.
    private func model() throws -> Model {
        try Model(makePreset("resnet18", channels: 64, height: 113, width: 97), seed: 5)
    }

    @Test(arguments: machineLevels)
    func weightsThatOutweighProductsAreLeftOut(isa: ISALevel) throws {
        let model = try model()
        let kernels = try Objective.allCases.map { objective in
            let steps = try Engine(model, options: Self.options(objective, isa: isa)).steps
            return Dictionary(uniqueKeysWithValues: steps.map { ($0.node, $0.kernel) })
        }
        #expect(kernels[0]["layer1.1.conv2"]?.hasPrefix("winograd4x4") == true)
        #expect(kernels[1]["layer1.1.conv2"] == kernels[0]["layer1.1.conv2"])
        #expect(kernels[0]["layer4.1.conv2"]?.hasPrefix("winograd4x4") == true)
        #expect(kernels[1]["layer4.1.conv2"]?.hasPrefix("conv3x3") == true)
    }

    /// The objective is an option: threads, batches and places in them change no bit, and weights prepared for the one are
    /// refused for the other.
    @Test(arguments: machineLevels)
    func rowsHaveTheSameBits(isa: ISALevel) throws {
        let model = try model()
        let input = try seededInput([5, 3, 113, 97])
        func score(_ input: Tensor, threads: Int, batch: Int) throws -> [UInt32] {
            let engine = try Engine(
                model, options: Self.options(.latency, threads: threads, isa: isa, batch: batch))
            let output: Tensor = try engine.score(input)
            return output.values.map(\.bitPattern)
        }
        let expected = try score(input, threads: 1, batch: 5)
        for (threads, batch) in [(2, 5), (3, 5), (7, 5), (2, 1)] {
            #expect(try score(input, threads: threads, batch: batch) == expected, "\(threads), \(batch)")
        }
        for threads in [1, 2, 3, 8, 40] {
            for row in [0, 4] {
                let own = try score(input.rows([row]), threads: threads, batch: 1)
                #expect(own == Array(expected[row * 10..<row * 10 + 10]), "row \(row), \(threads) threads")
            }
        }
        let throughput: Tensor = try Engine(model, options: Self.options(.throughput, isa: isa)).score(input)
        let latency = expected.map { Float(bitPattern: $0) }
        #expect(relativeError(latency, throughput.values) <= 2e-5)
    }
}
