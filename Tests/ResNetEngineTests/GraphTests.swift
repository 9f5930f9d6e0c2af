import Testing

@testable import ResNetEngine

/// Passes and planning on graphs of all kinds, against the float64 reference of the untouched graph.
@Suite struct GraphTests {
    @Test func notebookIsFusedWhole() throws {
        let engine = try Engine(Model(ResNet(), seed: 0), options: makeOptions())
        let operations = engine.steps.map(\.operation)
        // The last block's second convolution and shortcut are in the two linear layers.
        #expect(operations == Array(repeating: "convolution", count: 7) + ["linear", "linear"])
        #expect(
            engine.steps.suffix(3).map(\.node) == [
                "make_layer.2.conv1", "make_layer.2.conv3", "layer_out",
            ])
        // Nine normalisations, three ReLUs, three sums, one flatten, one convolution.
        let absorbed = engine.steps.reduce(0) { $0 + $1.absorbed.count }
        #expect(absorbed == 17)
        let second = engine.steps.first { $0.node == "make_layer.1.conv2" }
        #expect(second?.absorbed == ["make_layer.1.bn#2", "make_layer.1.add"])
        // 153 M multiply-adds and what follows them.
        #expect(engine.flopsPerImage > 306_000_000 && engine.flopsPerImage < 308_000_000)
    }

    /// Every normalisation, ReLU and sum is in a convolution, and the stem's pooling too.
    @Test(arguments: [("resnet50", 53), ("resnet18", 20), ("resnext50_32x4d", 53)])
    func presetsAreFusedWhole(name: String, convolutions: Int) throws {
        let model = try Model(makePreset(name, channels: 16, height: 224, width: 224), seed: 0)
        let engine = try Engine(model, options: makeOptions())
        let operations = engine.steps.map(\.operation)
        #expect(operations.first == "pooled-convolution")
        #expect(operations.dropFirst().dropLast(2).allSatisfy { $0 == "convolution" })
        #expect(operations.suffix(2) == ["pooling", "linear"])
        #expect(operations.count == convolutions + 2)
    }

    @Test func batchModeMergesPointwiseSteps() throws {
        let engine = try Engine(Model(ResNet(), seed: 0), options: makeOptions(mode: .batch))
        #expect(engine.steps.filter { $0.operation == "channel-affine-sum" }.count == 6)
        #expect(engine.steps.count == 9 + 6 + 1)
    }

    /// What crosses phases takes the place of what the same image no longer needs: however many blocks there are, two
    /// maps of the whole batch.
    @Test(arguments: [1, 2, 5]) func batchModeKeepsTwoMaps(blocks: Int) throws {
        let network = ResNet(blocks: blocks, channels: 24, imageHeight: 10, imageWidth: 9)
        let planner = Planner(
            table: KernelSelection.table(for: .baseline),
            caches: WorkerCaches(first: 32 << 10, last: 512 << 10),
            candidates: ConvolutionCandidates(KernelSelection.table(for: .baseline)))
        let plan = try planner.draft(
            RewrittenGraph(
                Model(network, seed: 0).graph(mode: .batch), planner.candidates, planner.table, planner.team)
        ).finished()
        #expect(plan.batchArenaSize == 2 * 32 * 10 * 9)
    }

    /// Shapes of graph that the notebook network does not have.
    static let sketches:
        [(String, FeatureShape, @Sendable (inout NetworkBuilder) throws(EngineError) -> Edge)] = [
            (
                "a single convolution", FeatureShape(channels: 3, height: 5, width: 4),
                { b throws(EngineError) in
                    let conv = b.declare("conv", Conv2d(3, 18, kernel: 3, padding: 1))
                    return try b.apply(conv, to: b.input)
                }
            ),
            (
                "pre-activation", FeatureShape(channels: 20, height: 7, width: 9),
                { b throws(EngineError) in
                    let (bn, relu) = (b.declare("bn", BatchNorm2d(20)), b.declare("relu", ReLUModule()))
                    let conv = b.declare("conv", Conv2d(20, 20, kernel: 3, padding: 1))
                    let y = try b.apply(conv, to: b.apply(relu, to: b.apply(bn, to: b.input)))
                    return try b.add(y, b.input)
                }
            ),
            (
                "twice the same term", FeatureShape(channels: 5, height: 4, width: 3),
                { b throws(EngineError) in
                    let conv = b.declare("conv", Conv2d(5, 5, kernel: 1))
                    let y = try b.apply(conv, to: b.input)
                    return try b.add(y, y)
                }
            ),
            (
                "a convolution plus its own input", FeatureShape(channels: 32, height: 6, width: 6),
                { b throws(EngineError) in
                    let first = b.declare("first", Conv2d(32, 32, kernel: 3, padding: 1))
                    let second = b.declare("second", Conv2d(32, 32, kernel: 3, padding: 1))
                    let y = try b.apply(first, to: b.input)
                    return try b.add(b.apply(second, to: y), y)
                }
            ),
            (
                "relu after the sum", FeatureShape(channels: 16, height: 8, width: 8),
                { b throws(EngineError) in
                    let (conv, bn) = (
                        b.declare("conv", Conv2d(16, 16, kernel: 3, padding: 1)),
                        b.declare("bn", BatchNorm2d(16))
                    )
                    let relu = b.declare("relu", ReLUModule())
                    return try b.apply(relu, to: b.add(b.apply(bn, to: b.apply(conv, to: b.input)), b.input))
                }
            ),
            (
                "relu of the input, read twice", FeatureShape(channels: 4, height: 5, width: 5),
                { b throws(EngineError) in
                    let relu = b.declare("relu", ReLUModule())
                    let conv = b.declare("conv", Conv2d(4, 4, kernel: 5, padding: 2))
                    let x = try b.apply(relu, to: b.input)
                    return try b.add(b.apply(relu, to: b.apply(conv, to: x)), x)
                }
            ),
            (
                "normalised twice", FeatureShape(channels: 6, height: 4, width: 4),
                { b throws(EngineError) in
                    let (one, two) = (b.declare("one", BatchNorm2d(6)), b.declare("two", BatchNorm2d(6)))
                    return try b.add(b.apply(two, to: b.apply(one, to: b.input)), b.apply(one, to: b.input))
                }
            ),
            (
                "flatten as output", FeatureShape(channels: 18, height: 3, width: 2),
                { b throws(EngineError) in
                    let conv = b.declare("conv", Conv2d(18, 17, kernel: 3, padding: 1))
                    return try b.flatten(b.apply(conv, to: b.input))
                }
            ),
            (
                "two linear layers", FeatureShape(channels: 3, height: 4, width: 5),
                { b throws(EngineError) in
                    let (one, two) = (
                        b.declare("one", LinearModule(60, 21)), b.declare("two", LinearModule(21, 3))
                    )
                    let relu = b.declare("relu", ReLUModule())
                    return try b.apply(two, to: b.apply(relu, to: b.apply(one, to: b.flatten(b.input))))
                }
            ),
            (
                "convolution after flatten", FeatureShape(channels: 3, height: 2, width: 3),
                { b throws(EngineError) in
                    let conv = b.declare("conv", Conv2d(18, 4, kernel: 3, padding: 1))
                    return try b.apply(conv, to: b.flatten(b.input))
                }
            ),
            (
                "strided, shrinking maps", FeatureShape(channels: 17, height: 13, width: 15),
                { b throws(EngineError) in
                    let (one, two) = (
                        b.declare("one", Conv2d(17, 24, kernel: 3, stride: 2, padding: 1)),
                        b.declare("two", Conv2d(24, 40, kernel: 3, stride: 2, padding: 1))
                    )
                    let (shortcut, bn) = (
                        b.declare("shortcut", Conv2d(17, 40, kernel: 1, stride: 4)),
                        b.declare("bn", BatchNorm2d(40))
                    )
                    let y = try b.apply(bn, to: b.apply(two, to: b.apply(one, to: b.input)))
                    return try b.add(y, b.apply(bn, to: b.apply(shortcut, to: b.input)))
                }
            ),
            (
                "many classes after a large map", FeatureShape(channels: 16, height: 60, width: 60),
                { b throws(EngineError) in
                    let conv = b.declare("conv", Conv2d(16, 64, kernel: 3, padding: 1))
                    let one = b.declare("one", Conv2d(64, 64, kernel: 3, stride: 2, padding: 1))
                    let two = b.declare("two", Conv2d(64, 1, kernel: 3, stride: 8, padding: 1))
                    let wide = b.declare("wide", LinearModule(16, 3000))
                    let narrow = b.declare("narrow", LinearModule(3000, 700))
                    let relu = b.declare("relu", ReLUModule())
                    let maps = try b.apply(two, to: b.apply(one, to: b.apply(conv, to: b.input)))
                    return try b.apply(
                        narrow, to: b.apply(relu, to: b.apply(wide, to: b.flatten(maps))))
                }
            ),
            (
                "convolution after a linear layer", FeatureShape(channels: 3, height: 2, width: 3),
                { b throws(EngineError) in
                    let linear = b.declare("linear", LinearModule(18, 37))
                    let conv = b.declare("conv", Conv2d(37, 20, kernel: 3, padding: 1))
                    return try b.apply(conv, to: b.apply(linear, to: b.flatten(b.input)))
                }
            ),
            (
                "normalised after a fused sum and relu", FeatureShape(channels: 8, height: 5, width: 4),
                { b throws(EngineError) in
                    let (one, two) = (b.declare("one", BatchNorm2d(8)), b.declare("two", BatchNorm2d(8)))
                    let a = b.declare("a", Conv2d(8, 8, kernel: 3, padding: 1))
                    let c = b.declare("c", Conv2d(8, 8, kernel: 3, padding: 1))
                    let relu = b.declare("relu", ReLUModule())
                    let x = try b.add(b.apply(a, to: b.input), b.input)
                    let y = try b.apply(relu, to: b.apply(c, to: b.apply(one, to: x)))
                    return try b.add(b.apply(two, to: y), b.apply(one, to: y))
                }
            ),
            (
                "the input itself", FeatureShape(channels: 3, height: 2, width: 2),
                { b throws(EngineError) in b.input }
            ),
        ]

    @Test(arguments: sketches.indices, BatchNormalizationMode.allCases)
    func engineMatchesReference(index: Int, mode: BatchNormalizationMode) throws {
        let (name, shape, body) = Self.sketches[index]
        var generator = TorchGenerator(seed: 9)
        let plain = try Model(Sketch(inputShape: shape, body: body), generator: &generator)
        // Statistics as after training, so that folding is not the identity.
        var weights = plain.weights
        for tensor in weights.names {
            guard var values = weights.tensor(tensor) else { continue }
            try values.withMutableElements { elements throws(EngineError) in
                if tensor.hasSuffix("running_var") {
                    generator.uniform(elements, from: 0.5, to: 2)
                } else if elements.count < 64 {
                    generator.uniform(elements, from: -1, to: 1)
                }
            }
            weights[tensor] = .tensor(values)
        }
        let model = try Model(plain.architecture, weights: weights)
        let input = try seededInput([5, shape.channels, shape.height, shape.width])
        let graph = try model.graph(mode: mode)
        var reference = ReferenceTensor(batch: 5, shape: shape)
        reference.values = input.values.map(Double.init)
        let expected = graph.reference(reference).values.map(Float.init)
        for isa in machineLevels {
            for threads in [1, 3] {
                let engine = try Engine(model, options: makeOptions(threads: threads, isa: isa, mode: mode))
                if mode == .batch {
                    let _: Tensor = try engine.score(input)
                    try checkBuffers(engine.buffers, graph, reference, name)
                }
                for _ in 0..<2 {
                    let output: Tensor = try engine.score(input)
                    #expect(
                        relativeError(output.values, expected) <= 5e-6, "\(name), \(isa), \(threads) threads")
                }
            }
        }
    }

    /// Running statistics after one batch, from the reference's values: every use updates its module in turn.
    private func checkBuffers(
        _ buffers: StateDictionary, _ graph: Graph, _ input: ReferenceTensor, _ name: String
    ) throws {
        var values = [graph.input: input]
        var expected: [String: (mean: [Double], variance: [Double], uses: Int64)] = [:]
        for node in graph.nodes {
            if let normalization = node.operation as? BatchNormalization, let x = values[node.inputs[0]] {
                let start = (
                    normalization.runningMean.values.map(Double.init),
                    normalization.runningVariance.values.map(Double.init), Int64(0)
                )
                var module = expected[normalization.module] ?? start
                let area = x.shape.height * x.shape.width
                for c in 0..<x.shape.channels {
                    let channel = (0..<x.batch).flatMap { n in
                        (0..<area).map { x[n, c, $0 / x.shape.width, $0 % x.shape.width] }
                    }
                    let mean = channel.reduce(0, +) / Double(channel.count)
                    let moment = channel.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                    let unbiased = moment / Double(channel.count - 1)
                    module.mean[c] = 0.9 * module.mean[c] + 0.1 * mean
                    module.variance[c] = 0.9 * module.variance[c] + 0.1 * unbiased
                }
                module.uses += 1
                expected[normalization.module] = module
            }
            values[node.output] = node.operation.reference(node.inputs.compactMap { values[$0] })
        }
        #expect(buffers.names.count == 3 * expected.count, "\(name)")
        for (module, state) in expected {
            let mean = try #require(buffers.tensor("\(module).running_mean"), "\(name)").values
            let variance = try #require(buffers.tensor("\(module).running_var"), "\(name)").values
            #expect(relativeError(mean, state.mean.map(Float.init)) <= 1e-5, "\(name), \(module)")
            #expect(relativeError(variance, state.variance.map(Float.init)) <= 1e-5, "\(name), \(module)")
            guard case .integers(_, let count)? = buffers["\(module).num_batches_tracked"] else {
                Issue.record("\(name): no counter of \(module)")
                continue
            }
            #expect(count == [state.uses], "\(name), \(module)")
        }
    }

    @Test func arenaNeverOverlapsInTime() {
        var random = SeededRandom(seed: 4)
        for _ in 0..<200 {
            let items = (0..<Int.random(in: 1...30, using: &random)).map { _ -> ArenaLayout.Item in
                let start = Int.random(in: 0...20, using: &random)
                return ArenaLayout.Item(
                    size: Int.random(in: 1...100, using: &random),
                    lifetime: start...start + Int.random(in: 0...6, using: &random))
            }
            let layout = ArenaLayout(items)
            for a in items.indices {
                #expect(layout.offsets[a] + items[a].size <= layout.size)
                for b in items.indices where b < a && items[a].lifetime.overlaps(items[b].lifetime) {
                    let apart =
                        layout.offsets[a] + items[a].size <= layout.offsets[b]
                        || layout.offsets[b] + items[b].size <= layout.offsets[a]
                    #expect(apart)
                }
            }
            #expect(layout.size <= items.reduce(0) { $0 + $1.size })
        }
    }
}
