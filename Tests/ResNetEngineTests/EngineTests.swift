import Foundation
import ResNetEngine
import Testing

@Suite struct EngineTests {
    private let network = ResNet(blocks: 1, channels: 8, imageHeight: 6, imageWidth: 5, classes: 4)

    @Test func summaryIsPyTorchs() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/summary-notebook.txt")
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(try ResNet().summary() == expected.trimmingCharacters(in: .newlines))
    }

    @Test func parameterCountIsPyTorchs() throws {
        // sum(p.numel() for p in model.parameters())
        #expect(try Model(ResNet(), seed: 0).parameterCount == 697_162)
    }

    private func failure(_ body: () throws -> Void) -> EngineError? {
        do {
            try body()
            return nil
        } catch { return error as? EngineError }
    }

    @Test func badOptionsAreTypedErrors() throws {
        let model = try Model(network, seed: 0)
        for threads in [0, -1, 1025] {
            #expect(failure { _ = try Engine(model, options: makeOptions(threads: threads)) }?.code == .usage)
        }
        #expect(failure { _ = try Engine(model, options: makeOptions(batch: 0)) }?.code == .usage)
        if ISALevel.detected < .avx512 {
            #expect(
                failure { _ = try Engine(model, options: makeOptions(isa: .avx512)) }?.code == .unavailable)
        }
        var options = makeOptions()
        options.maximumBytes = 1000
        let error = failure { _ = try Engine(model, options: options) }
        #expect(error?.code == .resource)
        let predicted = try Engine(model, options: makeOptions()).memory.total
        #expect(error?.found.contains("\(predicted)") == true)
        options.maximumBytes = predicted
        #expect(failure { _ = try Engine(model, options: options) } == nil)
    }

    @Test func wrongInputsAreTypedErrors() throws {
        let engine = try Engine(Model(network, seed: 0), options: makeOptions())
        for shape in [[2, 3, 5, 6], [2, 4, 6, 5], [3, 6, 5], [2, 90]] {
            let error = failure { let _: Tensor = try engine.score(Tensor(shape: shape)) }
            #expect(error?.code == .badData, "\(shape)")
        }
        let single = try Engine(
            Model(ResNet(blocks: 1, channels: 8, imageHeight: 1, imageWidth: 1), seed: 0),
            options: makeOptions(mode: .batch))
        #expect(failure { let _: Tensor = try single.score(Tensor(shape: [1, 3, 1, 1])) }?.code == .badData)
        let two: Tensor = try single.score(Tensor(shape: [2, 3, 1, 1]))
        #expect(two.shape.dimensions == [2, 10])
        // A refused batch leaves the buffers as they were: two.shape counted once.
        if case .integers(_, let count)? = try single.buffers["make_layer.0.bn.num_batches_tracked"] {
            #expect(count == [3])
        }
    }

    @Test func noRowsGiveNoRows() throws {
        for mode in BatchNormalizationMode.allCases {
            let engine = try Engine(Model(network, seed: 0), options: makeOptions(mode: mode))
            let output: Tensor = try engine.score(Tensor(shape: [0, 3, 6, 5]))
            #expect(output.shape.dimensions == [0, 4])
        }
    }

    @Test func allMissingAndUnexpectedTensorsAreNamed() throws {
        var weights = try Model(network, seed: 0).weights
        weights["make_layer.0.conv2.bias"] = nil
        weights["layer_out.bias"] = .tensor(try Tensor(shape: [5]))
        weights["extra"] = .tensor(try Tensor(shape: [1]))
        weights["make_layer.0.bn.num_batches_tracked"] = nil
        let error = failure { _ = try Model(network, weights: weights, subject: "file") }
        #expect(error?.code == .badData)
        for name in ["make_layer.0.conv2.bias", "layer_out.bias", "extra"] {
            #expect(error?.description.contains(name) == true, "\(name)")
        }
        #expect(error?.description.contains("num_batches_tracked") == false)
        #expect(error?.description.contains("\n") == false)
    }

    /// What was found and what was expected, in elements and shape.
    @Test func wrongTensorsAreDescribed() throws {
        var weights = try Model(network, seed: 0).weights
        weights["layer_out.bias"] = .integers(shape: try Shape([4]), values: [1, 2, 3, 4])
        weights["make_layer.0.bn.num_batches_tracked"] = .tensor(try Tensor(shape: [1]))
        let error = failure { _ = try Model(network, weights: weights) }
        #expect(
            error?.found.contains("layer_out.bias holds integers of shape [4], not floats of shape [4]")
                == true)
        #expect(
            error?.found.contains("num_batches_tracked holds floats of shape [1], not integers of shape []")
                == true)
        let classifier = try #require(weights.tensor("layer_out.weight")).shape.dimensions
        weights["layer_out.bias"] = .tensor(try Tensor(shape: [4]))
        weights["layer_out.weight"] = .tensor(try Tensor(shape: [classifier[1], classifier[0]]))
        let transposed = failure { _ = try ResNet(matching: weights, image: (6, 5)) }
        #expect(transposed?.found == "shape (\(classifier[1]), 4)")
        #expect(transposed?.expected == "(4, \(classifier[1] / 30) · 6 · 5)")
    }

    @Test func oddWeightsAreNoted() throws {
        var weights = try Model(network, seed: 0).weights
        weights["make_layer.0.bn.num_batches_tracked"] = nil
        weights["layer_out.bias"] = .tensor(try Tensor(shape: [4], values: [0, .nan, 1, .infinity]))
        let model = try Model(network, weights: weights)
        #expect(model.warnings.map(\.code).sorted() == ["no-counter", "non-finite-weights"])
        #expect(model.warnings.last?.message == "weights: NaN or infinite values in 1 tensor: layer_out.bias")
        let engine = try Engine(model, options: makeOptions())
        #expect(Set(engine.warnings.map(\.code)).isSuperset(of: ["no-counter", "non-finite-weights"]))
        let output: Tensor = try engine.score(Tensor(shape: [1, 3, 6, 5]))
        #expect(output.values[1].isNaN && output.values[0].isFinite && output.values[3] == .infinity)
    }

    @Test func manyOddWeightsAreOneWarning() throws {
        var weights = try Model(network, seed: 0).weights
        for name in weights.names {
            guard var tensor = weights.tensor(name) else { continue }
            try tensor.withMutableElements { $0.update(repeating: .nan) }
            weights[name] = .tensor(tensor)
        }
        let warnings = try Model(network, weights: weights).warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.message.hasSuffix(" others") == true, "\(warnings)")
    }

    @Test func geometryIsReadOffTheWeights() throws {
        let odd = ResNet(blocks: 4, inputChannels: 2, channels: 6, imageHeight: 5, imageWidth: 3, classes: 9)
        let weights = try Model(odd, seed: 0).weights
        let read = try ResNet(matching: weights, image: (5, 3))
        let geometry: [Int] = [
            read.stages[0].blocks, read.inputChannels, read.stages[0].channels, read.imageHeight,
            read.imageWidth, read.classes,
        ]
        #expect(geometry.elementsEqual([4, 2, 6, 5, 3, 9]))
        #expect(failure { _ = try ResNet(matching: weights) }?.code == .badData)
        #expect(failure { _ = try ResNet(matching: StateDictionary()) }?.code == .badData)
        #expect(failure { _ = try ResNet(matching: weights, image: (Int.max, 3)) }?.code == .badData)
    }

    @Test func oneBadRowSpoilsNoOther() throws {
        let engine = try Engine(Model(network, seed: 0), options: makeOptions(threads: 2))
        let good = try seededInput([9, 3, 6, 5])
        var bad = good
        try bad.withMutableElements { elements throws(EngineError) in
            for index in 4 * 90..<5 * 90 { elements[index] = index % 2 == 0 ? .nan : .infinity }
        }
        let before: Tensor = try engine.score(good)
        let spoilt: Tensor = try engine.score(bad)
        let after: Tensor = try engine.score(good)
        for row in 0..<9 where row != 4 {
            #expect(before.values[row * 4..<row * 4 + 4] == spoilt.values[row * 4..<row * 4 + 4])
        }
        #expect(spoilt.values[16].isNaN)
        #expect(before.values == after.values)
    }

    @Test func manyCallersGetTheirOwnResults() async throws {
        let engines = try [1, 2].map {
            try Engine(Model(network, seed: UInt64($0)), options: makeOptions(threads: 2))
        }
        var expected: [[Float]] = []
        for engine in engines {
            let output: Tensor = try await engine.score(seededInput([7, 3, 6, 5], seed: 3))
            expected.append(output.values)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<40 {
                group.addTask { [expected] in
                    let output: Tensor = try await engines[task % 2].score(
                        seededInput([7, 3, 6, 5], seed: 3))
                    #expect(output.values == expected[task % 2])
                }
            }
            try await group.waitForAll()
        }
    }
}
