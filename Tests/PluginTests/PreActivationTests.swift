import PreActivation
import ResNetEngine
import Testing

/// A block written outside the engine, in the notebook network's frame, against the float64 reference.
@Suite struct PreActivationTests {
    @Test(arguments: BatchNormalizationMode.allCases)
    func matchesTheReference(mode: BatchNormalizationMode) throws {
        let network = ResNet(
            block: PreActivationBlock(), blocks: 2, inputChannels: 3, channels: 20, imageHeight: 9,
            imageWidth: 7, classes: 5)
        let model = try Model(network, seed: 3)
        #expect(model.weights.names.contains("make_layer.0.shortcut.weight"))
        #expect(!model.weights.names.contains("make_layer.1.shortcut.weight"))
        var generator = TorchGenerator(seed: 4)
        var input = try Tensor(shape: [6, 3, 9, 7])
        try input.withMutableElements { elements throws(EngineError) in generator.normal(elements) }
        let graph = try model.graph(mode: mode)
        var reference = ReferenceTensor(batch: 6, shape: network.inputShape)
        reference.values = input.values.map(Double.init)
        let expected = graph.reference(reference).values
        var options = EngineOptions()
        options.mode = mode
        let output: Tensor = try Engine(model, options: options).score(input)
        let tolerance = 5e-6 * (expected.map(abs).max() ?? 0)
        #expect(output.elementCount == expected.count)
        #expect(zip(output.values, expected).allSatisfy { abs(Double($0) - $1) <= tolerance })
    }
}
