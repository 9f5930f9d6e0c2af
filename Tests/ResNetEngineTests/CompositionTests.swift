import Testing

@testable import ResNetEngine

/// Linear layers composed with what stands before them, against the float64 reference of the graph as it is written.
@Suite struct CompositionTests {
    private func model(
        _ channels: Int, _ height: Int, _ width: Int,
        _ body: @escaping @Sendable (inout NetworkBuilder) throws(EngineError) -> Edge
    ) throws -> Model {
        let shape = FeatureShape(channels: channels, height: height, width: width)
        return try Model(Sketch(inputShape: shape, body: body), seed: 5)
    }

    /// Steps of the network, with results checked on every instruction set, composed and exact.
    private func steps(_ model: Model, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
        let graph = try model.graph(mode: .running)
        let shape = graph.shape(of: graph.input)
        let input = try seededInput([5, shape.channels, shape.height, shape.width])
        var reference = ReferenceTensor(batch: 5, shape: shape)
        reference.values = input.values.map(Double.init)
        let expected = graph.reference(reference).values.map(Float.init)
        for isa in machineLevels {
            for exact in [false, true] {
                var options = makeOptions(isa: isa)
                options.exact = exact
                let engine = try Engine(model, options: options)
                let output: Tensor = try engine.score(input)
                #expect(
                    relativeError(output.values, expected) <= 3e-6, "\(isa), exact \(exact)",
                    sourceLocation: sourceLocation)
                if exact {
                    let composed = engine.fusions.nodes.filter {
                        if case .absorbed(_, "compose-affine") = $0.outcome { true } else { false }
                    }
                    #expect(composed.isEmpty, sourceLocation: sourceLocation)
                }
            }
        }
        return try Engine(model, options: makeOptions()).steps.map { "\($0.operation) \($0.node)" }
    }

    /// Every geometry that a convolution can have, borders and all, in float64.
    @Test(arguments: [
        (kernel: 3, stride: 1, padding: 1, dilation: 1, groups: 1),
        (kernel: 3, stride: 2, padding: 1, dilation: 1, groups: 1),
        (kernel: 5, stride: 1, padding: 0, dilation: 1, groups: 1),
        (kernel: 3, stride: 1, padding: 2, dilation: 2, groups: 1),
        (kernel: 1, stride: 3, padding: 0, dilation: 1, groups: 1),
        (kernel: 3, stride: 3, padding: 4, dilation: 1, groups: 4),
        (kernel: 4, stride: 2, padding: 3, dilation: 1, groups: 1),
        (kernel: 1, stride: 1, padding: 2, dilation: 1, groups: 2),
    ])
    func convolutions(kernel: Int, stride: Int, padding: Int, dilation: Int, groups: Int) throws {
        var geometry = Convolution2D.Geometry(
            inputChannels: 8, outputChannels: 12, kernel: kernel, stride: stride, padding: padding)
        (geometry.dilationHeight, geometry.dilationWidth, geometry.groups) = (dilation, dilation, groups)
        let convolution = try Convolution2D(
            geometry, weight: seededInput(geometry.weightShape, seed: 2), bias: seededInput([12], seed: 3),
            node: "conv")
        let (input, output) = (
            FeatureShape(channels: 8, height: 11, width: 13), geometry.output(height: 11, width: 13)
        )
        for outputs in [1, 3, 21] {
            let layer = try Linear(
                weight: seededInput([outputs, output.elementCount], seed: 4),
                bias: seededInput([outputs], seed: 5), node: "fc")
            var x = ReferenceTensor(batch: 1, shape: input)
            x.values = try seededInput([input.elementCount], seed: 6).values.map(Double.init)
            let expected = layer.reference([convolution.reference([x])]).values
            let scale = expected.reduce(0) { max($0, abs($1)) }
            for isa in machineLevels {
                let rows = try convolution.composed(
                    AffineRows(layer, shape: output, node: "fc"), inputs: [input],
                    CompositionContext(
                        table: KernelSelection.table(for: isa), team: PreparationTeam(threads: 3),
                        node: "conv"))[0]
                for o in 0..<outputs {
                    var sum = rows.constants[o]
                    for i in x.values.indices { sum += rows.values.pointer[i * outputs + o] * x.values[i] }
                    #expect(abs(sum - expected[o]) <= 1e-13 * scale, "\(isa), output \(o) of \(outputs)")
                }
            }
        }
    }

    @Test func blockOfTheNotebook() throws {
        let network = ResNet(blocks: 2, channels: 20, imageHeight: 9, imageWidth: 8)
        #expect(
            try steps(Model(network, seed: 0)).suffix(3) == [
                "convolution make_layer.1.conv1", "linear make_layer.1.conv3", "linear layer_out",
            ])
    }

    /// The shortcut is the block's input itself: its term has the sum's name.
    @Test func identityShortcut() throws {
        let model = try model(16, 8, 8) { b throws(EngineError) in
            let relu = b.declare("relu", ReLUModule())
            let conv = b.declare("conv", Conv2d(16, 16, kernel: 3, padding: 1))
            let fc = b.declare("fc", LinearModule(1024, 4))
            let x = try b.apply(relu, to: b.input)
            return try b.apply(fc, to: b.flatten(b.add(b.apply(conv, to: x), x)))
        }
        #expect(try steps(model).suffix(2) == ["linear add", "linear fc"])
    }

    @Test func chain() throws {
        let model = try model(16, 8, 8) { b throws(EngineError) in
            let one = b.declare("one", Conv2d(16, 32, kernel: 3, padding: 1))
            let two = b.declare("two", Conv2d(32, 8, kernel: 3, padding: 1))
            let norm = b.declare("norm", BatchNorm2d(16))
            let (wide, fc) = (b.declare("wide", LinearModule(512, 40)), b.declare("fc", LinearModule(40, 4)))
            let x = try b.apply(one, to: b.apply(norm, to: b.input))
            return try b.apply(fc, to: b.apply(wide, to: b.flatten(b.apply(two, to: x))))
        }
        #expect(try steps(model) == ["linear fc"])
    }

    /// Neither what has a ReLU, nor what others read, nor what a composition would make dearer.
    @Test func leftAlone() throws {
        let rectified = try model(16, 6, 6) { b throws(EngineError) in
            let (relu, conv) = (b.declare("relu", ReLUModule()), b.declare("conv", Conv2d(16, 16, kernel: 3)))
            let fc = b.declare("fc", LinearModule(256, 4))
            return try b.apply(fc, to: b.flatten(b.apply(relu, to: b.apply(conv, to: b.input))))
        }
        #expect(try steps(rectified) == ["convolution conv", "linear fc"])
        let shared = try model(16, 6, 6) { b throws(EngineError) in
            let conv = b.declare("conv", Conv2d(16, 4, kernel: 3))
            let (one, two) = (b.declare("one", LinearModule(64, 4)), b.declare("two", LinearModule(64, 4)))
            let x = try b.flatten(b.apply(conv, to: b.input))
            return try b.add(b.apply(one, to: x), b.apply(two, to: x))
        }
        #expect(try steps(shared).contains("convolution conv"))
        let narrow = try model(16, 32, 32) { b throws(EngineError) in
            let conv = b.declare("conv", Conv2d(16, 4, kernel: 3, stride: 8))
            let fc = b.declare("fc", LinearModule(64, 100))
            return try b.apply(fc, to: b.flatten(b.apply(conv, to: b.input)))
        }
        #expect(try steps(narrow) == ["convolution conv", "linear fc"])
    }

    /// The list of affine operations names all that conform.
    @Test func affineOperationsAreNamed() throws {
        let networks = try ["resnet18", "resnet50"].map {
            try makePreset($0, channels: 16, height: 64, width: 64)
        }
        var kinds: Set<String> = []
        for network in networks + [ResNet(blocks: 1, channels: 16)] {
            for node in try Model(network, seed: 1).graph().nodes {
                #expect(
                    (node.operation.affine != nil) == (node.operation is any AffineOperation), "\(node.name)")
                kinds.insert(node.operation.identifier)
            }
        }
        #expect(kinds.count >= 7, "\(kinds)")
    }
}
