import Diagnostics
import Tensors
import Testing

@testable import ResNetEngine

/// What one engine saves serves another one of the same kind, and no other.
@Suite struct PreparedWeightsTests {
    private static let networks = ["notebook", "resnet18", "resnet50", "resnext50_32x4d"]

    private func network(_ name: String) throws -> ResNet {
        name == "notebook"
            ? ResNet(blocks: 2, channels: 40, imageHeight: 19, imageWidth: 17, classes: 7)
            : try makePreset(name, channels: 16, height: 61, width: 75)
    }

    private func prepared(_ engine: Engine) throws -> PreparedWeights {
        try PreparedWeights(try engine.preparedWeights, subject: "prepared")
    }

    @Test(arguments: networks, machineLevels)
    func resultsHaveTheSameBits(name: String, isa: ISALevel) throws {
        let network = try network(name)
        let shape = network.inputShape
        let input = try seededInput([3, shape.channels, shape.height, shape.width])
        for (exact, precision) in [(false, Precision.float32), (true, .float32), (false, .bfloat16)] {
            var options = makeOptions(threads: 2, isa: isa)
            options.exact = exact
            options.precision = precision
            let engine = try Engine(Model(network, seed: 3), options: options)
            let weights = try prepared(engine)
            let model = try Model(network, prepared: weights)
            #expect(model.isPrepared && model.weights.names.isEmpty)
            let other = try Engine(model, options: options)
            #expect(
                try other.score(input).values == engine.score(input).values, "exact \(exact), \(precision)")
            #expect(other.steps.map(\.kernel) == engine.steps.map(\.kernel))
            // And once more.
            let state = try other.preparedWeights
            #expect(state.names == (try engine.preparedWeights).names)
            #expect(throws: EngineError.self) { try model.graph() }
        }
    }

    /// Planned before the machine is known, for the caches that it most likely has: for others it is planned anew.
    @Test func cachesAreThoseOfTheMachine() throws {
        let network = try network("notebook")
        let input = try seededInput([9, 3, 19, 17])
        var workspaces = Set<Int>()
        for bytes in [64 << 10, 1 << 20, 16 << 20] {
            let machine = try Machine(
                synthetic: "package:1 l2:2(size=\(bytes)) l1d:1(size=16384) core:1 pu:1")
            #expect(machine.caches.l2?.bytes == bytes && machine.caches.l1d?.bytes == 16384)
            var options = makeOptions(threads: 2)
            options.pin = .none
            let engine = try Engine(Model(network, seed: 3), options: options, machine: machine)
            let model = try Model(network, prepared: prepared(engine))
            let other = try Engine(model, options: options, machine: machine)
            #expect(other.imageGroup == engine.imageGroup)
            #expect(other.memory.workspace == engine.memory.workspace)
            #expect(try other.score(input).values == engine.score(input).values)
            #expect(try other.preparedWeights.names == engine.preparedWeights.names)
            workspaces.insert(engine.memory.workspace)
        }
        #expect(workspaces.count > 1, "\(workspaces)")
    }

    @Test func geometryIsReadOffTheShapes() throws {
        let network = try network("notebook")
        let engine = try Engine(Model(network, seed: 3), options: makeOptions())
        let found = try ResNet(matching: prepared(engine).blank, image: (19, 17))
        #expect(try found.parameters().map(\.shape) == network.parameters().map(\.shape))
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let network = try network("notebook")
        let engine = try Engine(Model(network, seed: 3), options: makeOptions())
        let state = try engine.preparedWeights
        let weights = try prepared(engine)
        func refuse(
            _ code: EngineError.Code, _ network: ResNet, _ weights: PreparedWeights,
            _ change: (inout EngineOptions) -> Void = { _ in }
        ) {
            var options = makeOptions()
            change(&options)
            let error = #expect(throws: EngineError.self) {
                try Engine(Model(network, prepared: weights), options: options)
            }
            #expect(error?.code == code, "\(String(describing: error))")
        }
        refuse(.badData, network, weights) { $0.exact = true }
        refuse(.badData, network, weights) { $0.precision = .bfloat16 }
        refuse(.usage, network, weights) { $0.mode = .batch }
        if ISALevel.detected > .baseline { refuse(.badData, network, weights) { $0.isa = .baseline } }
        refuse(
            .badData, ResNet(blocks: 2, channels: 40, imageHeight: 19, imageWidth: 17, classes: 8), weights)
        refuse(.badData, try self.network("resnet18"), weights)
        // Every step's tensor is needed, whole.
        for name in state.names where state[name]?.shape.rank == 1 && name != "prepared" {
            var without = state
            without[name] = nil
            refuse(.badData, network, try PreparedWeights(without, subject: "prepared"))
            without[name] = .tensor(try Tensor(shape: [16]))
            guard state[name]?.shape.dimensions != [16] else { continue }
            refuse(.badData, network, try PreparedWeights(without, subject: "prepared"))
        }
        for version in [nil, StateDictionary.Entry.integers(shape: try Shape([1]), values: [2])] {
            var other = state
            other["prepared"] = version
            let error = #expect(throws: EngineError.self) { try PreparedWeights(other, subject: "prepared") }
            #expect(error?.code == .badData)
        }
    }

    /// Statistics of a batch come after weights.
    @Test func batchModeHasNone() throws {
        let engine = try Engine(Model(network("notebook"), seed: 3), options: makeOptions(mode: .batch))
        let error = #expect(throws: EngineError.self) { try engine.preparedWeights }
        #expect(error?.code == .usage)
    }

    /// A kernel that packs weights by itself knows nothing of those saved: it would run on zeros.
    @Test func othersKernelsAreRefused() throws {
        let parameters = StepParameters()
        _ = try parameters.make("conv", hasParameters: true) { OutputStep(input: placement) }
        #expect(parameters.others == ["conv"])
        let engine = try Engine(Model(network("notebook"), seed: 3), options: makeOptions())
        let reading = StepParameters(try prepared(engine))
        let error = #expect(throws: EngineError.self) {
            try reading.make("conv", hasParameters: true) { OutputStep(input: placement) }
        }
        #expect(error?.code == .unavailable)
        _ = try reading.make("relu", hasParameters: false) { OutputStep(input: placement) }
    }

    private var placement: TensorPlacement {
        TensorPlacement(shape: FeatureShape(channels: 16), layout: .blocked, halo: 0, scope: .worker)
    }
}
