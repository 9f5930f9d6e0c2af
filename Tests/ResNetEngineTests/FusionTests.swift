import Testing

@testable import ResNetEngine

/// What the report says of every node as it is written.
@Suite struct FusionTests {
    /// Every source node once, each absorbed one by a step that lists it, each other one a step or gone with a reason.
    private func check(_ model: Model, mode: BatchNormalizationMode = .running) throws -> Engine {
        let engine = try Engine(model, options: makeOptions(mode: mode))
        let source = try model.graph(mode: mode).nodes
        let nodes = engine.fusions.nodes
        #expect(nodes.map(\.name) == source.map(\.name))
        #expect(nodes.map(\.operation) == source.map { $0.operation.identifier })
        var absorbed = 0
        for node in nodes {
            switch node.outcome {
            case .absorbed(var host, _):
                absorbed += 1
                // Who absorbed it may have been absorbed with it.
                while case .absorbed(let next, _)? = nodes.first(where: { $0.name == host })?.outcome {
                    host = next
                }
                let step = try #require(engine.steps.first { $0.node == host }, "\(node.name) in \(host)")
                #expect(step.absorbed.contains(node.name))
            case .alone(let reasons):
                #expect(engine.steps.contains { $0.node == node.name }, "\(node.name)")
                #expect(!reasons.isEmpty && !reasons.contains(""), "\(node.name)")
            }
        }
        #expect(absorbed + engine.steps.count == nodes.count)
        #expect(engine.steps.reduce(0) { $0 + $1.absorbed.count } == absorbed)
        return engine
    }

    @Test(arguments: BatchNormalizationMode.allCases, ["notebook", "resnet50", "resnext50_32x4d"])
    func everyNodeOccursOnce(mode: BatchNormalizationMode, name: String) throws {
        let network =
            name == "notebook"
            ? ResNet(channels: 20, imageHeight: 9, imageWidth: 8)
            : try makePreset(name, channels: 16, height: 40, width: 40)
        let engine = try check(Model(network, seed: 0), mode: mode)
        guard mode == .running else { return }
        for node in engine.fusions.nodes {
            let isHost = ["convolution", "linear"].contains(node.operation)
            let isTail = node.name == "avgpool"
            if case .absorbed(_, let pass) = node.outcome {
                #expect(!isHost && !isTail || pass == "compose-affine")
            } else {
                #expect(isHost || isTail, "\(node)")
            }
        }
    }

    private func outcomes(
        _ mode: BatchNormalizationMode = .running,
        _ body: @escaping @Sendable (inout NetworkBuilder) throws(EngineError) -> Edge
    ) throws -> [String: FusionReport.Outcome] {
        let engine = try check(Model(Sketch(body: body), seed: 0), mode: mode)
        return Dictionary(uniqueKeysWithValues: engine.fusions.nodes.map { ($0.name, $0.outcome) })
    }

    private func conv(_ builder: inout NetworkBuilder, _ name: String, _ input: Edge) throws(EngineError)
        -> Edge
    {
        try builder.apply(builder.declare(name, Conv2d(16, 16, kernel: 3, padding: 1)), to: input)
    }

    @Test func outputReadTwice() throws {
        let outcomes = try outcomes { builder throws(EngineError) in
            let norm = builder.declare("bn", BatchNorm2d(16))
            let y = try conv(&builder, "conv", builder.input)
            return try builder.add(builder.apply(norm, to: y), y)
        }
        #expect(outcomes["bn"] == .absorbed(by: "add", pass: "lower-pointwise"))
        #expect(
            outcomes["add"]
                == .alone(reasons: [
                    "not fused: the batch-normalization bn before it is no convolution, "
                        + "the output of conv has 2 consumers"
                ]))
    }

    @Test func normalisationAlone() throws {
        let outcomes = try outcomes { builder throws(EngineError) in
            let (first, second) = (
                builder.declare("one", BatchNorm2d(16)), builder.declare("two", BatchNorm2d(16))
            )
            let y = try conv(&builder, "conv", builder.apply(first, to: builder.input))
            let z = try conv(&builder, "last", builder.apply(second, to: y))
            return try conv(&builder, "end", builder.add(z, y))
        }
        #expect(outcomes["one"] == .alone(reasons: ["not folded: it reads the network's input"]))
        #expect(outcomes["two"] == .alone(reasons: ["not folded: the output of conv has 2 consumers"]))
        #expect(outcomes["add"] == .absorbed(by: "last", pass: "fuse-residual"))
        #expect(outcomes["end"] == .alone(reasons: ["is a layer of its own: no pass moves a convolution"]))
    }

    @Test func statisticsOfTheBatch() throws {
        let outcomes = try outcomes(.batch) { builder throws(EngineError) in
            let (norm, relu) = (builder.declare("bn", BatchNorm2d(16)), builder.declare("relu", ReLUModule()))
            let y = try conv(&builder, "conv", builder.input)
            return try builder.apply(relu, to: builder.apply(norm, to: y))
        }
        #expect(outcomes["relu"] == .absorbed(by: "bn", pass: "lower-pointwise"))
        #expect(
            outcomes["bn"]
                == .alone(reasons: [
                    "not folded: its statistics are the batch's own, known after the convolution"
                ]))
    }

    /// Both terms end with a ReLU: neither convolution can add the other one.
    @Test func rectifiedTerms() throws {
        let outcomes = try outcomes { builder throws(EngineError) in
            let relu = builder.declare("relu", ReLUModule())
            let y = try builder.apply(relu, to: conv(&builder, "one", builder.input))
            let z = try builder.apply(relu, to: conv(&builder, "two", builder.input))
            return try builder.add(y, z)
        }
        #expect(outcomes["relu"] == .absorbed(by: "one", pass: "fuse-relu"))
        #expect(outcomes["relu#2"] == .absorbed(by: "two", pass: "fuse-relu"))
        #expect(
            outcomes["add"]
                == .alone(reasons: [
                    "not fused: the relu relu before it is no convolution, "
                        + "the relu relu#2 before it is no convolution"
                ]))
    }

    @Test func poolingsAlone() throws {
        let outcomes = try outcomes { builder throws(EngineError) in
            let pool = builder.declare("pool", MaxPool2d(kernel: 3, stride: 2, padding: 1))
            let mean = builder.declare("mean", AdaptiveAvgPool2d())
            let y = try builder.apply(
                pool, to: builder.add(conv(&builder, "conv", builder.input), builder.input))
            return try builder.flatten(builder.apply(mean, to: y))
        }
        #expect(
            outcomes["pool"]
                == .alone(reasons: ["not fused: the convolution conv before it adds a residual"]))
        #expect(outcomes["mean"] == .alone(reasons: ["not fused: only maximum poolings are"]))
        #expect(outcomes["flatten"] == .alone(reasons: ["not absorbed: it is the network's result"]))
    }
}
