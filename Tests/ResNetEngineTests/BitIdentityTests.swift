import ResNetEngine
import Testing

/// A row has the same bits whatever the threads, the batch, its place and the executor.
@Suite struct BitIdentityTests {
    static let rows = 33

    @Test(arguments: machineLevels, ExecutorKind.allCases)
    func runningMode(isa: ISALevel, executor: ExecutorKind) throws {
        // Odd sizes on purpose: tails of channels, of strips and of image groups.
        let network = ResNet(
            blocks: 2, inputChannels: 3, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
        let model = try Model(network, seed: 5)
        let input = try seededInput([Self.rows, 3, 19, 17])
        let steps = try Engine(model, options: makeOptions(isa: isa)).steps
        #expect(steps.contains { $0.kernel.hasPrefix("winograd4x4") })
        let expected = try score(model, input, makeOptions(isa: isa, batch: Self.rows))
        for threads in [1, 2, 3, 7] {
            for batch in [1, 5, 31, 32, 33] {
                let options = makeOptions(threads: threads, isa: isa, executor: executor, batch: batch)
                let engine = try Engine(model, options: options)
                var values: [Float] = []
                for start in stride(from: 0, to: Self.rows, by: batch) {
                    let part = try input.rows(Array(start..<min(start + batch, Self.rows)))
                    let output: Tensor = try engine.score(part)
                    values += output.values
                }
                #expect(values.map(\.bitPattern) == expected, "\(threads) threads, batch \(batch)")
            }
            let order = (0..<Self.rows).map { $0 * 7 % Self.rows }
            let shuffled = try score(
                model, input.rows(order), makeOptions(threads: threads, isa: isa, executor: executor))
            let back = (0..<Self.rows).flatMap { row -> ArraySlice<UInt32> in
                let place = order.firstIndex(of: row) ?? 0
                return shuffled[place * 7..<place * 7 + 7]
            }
            #expect(back == expected, "\(threads) threads, shuffled")
        }
    }

    /// A stem, poolings, strides and groups.
    @Test(arguments: machineLevels)
    func presets(isa: ISALevel) throws {
        let network = try makePreset("resnext50_32x4d", channels: 16, height: 75, width: 61)
        let model = try Model(network, seed: 7)
        let input = try seededInput([9, 3, 75, 61])
        let expected = try score(model, input, makeOptions(threads: 1, isa: isa, batch: 9))
        for (threads, batch) in [(1, 1), (2, 9), (3, 2), (3, 9), (7, 9)] {
            let options = makeOptions(threads: threads, isa: isa, batch: batch)
            #expect(try score(model, input, options) == expected, "\(threads) threads, batch \(batch)")
        }
    }

    @Test(arguments: machineLevels)
    func batchMode(isa: ISALevel) throws {
        let network = ResNet(
            blocks: 2, inputChannels: 3, channels: 40, imageHeight: 18, imageWidth: 19, classes: 7)
        let model = try Model(network, seed: 6)
        let input = try seededInput([13, 3, 18, 19])
        let steps = try Engine(model, options: makeOptions(isa: isa, mode: .batch)).steps
        #expect(steps.contains { $0.kernel.hasPrefix("winograd4x4") })
        var results: Set<[UInt32]> = []
        for threads in [1, 2, 3, 7] {
            for executor in ExecutorKind.allCases {
                for pin in [PinPolicy.none, .core] {
                    let options = makeOptions(
                        threads: threads, isa: isa, executor: executor, mode: .batch, pin: pin)
                    let engine = try Engine(model, options: options)
                    let output: Tensor = try engine.score(input)
                    let buffers = try engine.buffers
                    results.insert(
                        (output.values + buffers.names.flatMap { buffers.tensor($0)?.values ?? [] })
                            .map(\.bitPattern))
                }
            }
        }
        #expect(results.count == 1)
    }

    private func score(_ model: Model, _ input: Tensor, _ options: EngineOptions) throws -> [UInt32] {
        let output: Tensor = try Engine(model, options: options).score(input)
        return output.values.map(\.bitPattern)
    }
}
