import Kernels
import Testing

@testable import ResNetEngine

/// Which kernel computes a convolution, and why not another.
@Suite struct CandidateTests {
    private let table = KernelSelection.table(for: .baseline)

    private func layer(_ text: String) throws -> ConvolutionLayer {
        guard case .convolution(let layer) = try LayerProblem(text, subject: "test").layer else {
            throw EngineError(.internalError, "test", text)
        }
        return layer
    }

    @Test(arguments: [
        ("conv:c64h28w28,k64r3s3,pad1", "winograd4x4.f32.baseline"),
        ("conv:c64h28w28,k64r3s3,pad1,stride2", "winograd4x4.f32.baseline"),
        ("conv:c64h28w28,k64r3s3,pad1,stride3", "convnxn.f32.4x8.baseline"),
        ("conv:c64h28w28,k64r1s1", "conv1x1few.f32.4x8.baseline"),
        ("conv:c65h28w28,k64r1s1", "conv1x1.f32.4x8.baseline"),
        ("conv:c3h28w28,k64r3s3,pad1", "conv3x3planar.f32.4x8.baseline"),
        ("conv:c64h28w28,k64r3s3,pad1,groups4", "conv3x3.f32.4x8.baseline"),
        ("conv:c64h28w28,k64r5s5,pad2,groups64", "convnxn.f32.4x8.baseline"),
    ])
    func cheapestIsPicked(text: String, kernel: String) throws {
        let candidates = ConvolutionCandidates(table)
        let choice = try candidates.choose(for: layer(text), node: "test")
        #expect(choice.candidate.name == kernel)
        // Every other one has a reason.
        let others = Set(candidates.all.map(\.name)).subtracting([kernel])
        #expect(Set(choice.rejected.map(\.kernel)) == others)
        #expect(choice.rejected.allSatisfy { !$0.reason.isEmpty })
    }

    @Test func optionsChooseAndForbid() throws {
        let layer = try layer("conv:c64h28w28,k64r3s3,pad1")
        func name(chosen: [String] = [], forbidden: [String] = []) throws -> String {
            let filter = KernelFilter(chosen: chosen, forbidden: forbidden)
            return try ConvolutionCandidates(table, filter: filter, exact: true)
                .choose(for: layer, node: "test").candidate.name
        }
        #expect(try name() == "conv3x3.f32.4x8.baseline")
        #expect(try name(forbidden: ["conv3x3*", "winograd*"]) == "convnxn.f32.4x8.baseline")
        #expect(try name(chosen: ["*.reference"]) == "conv.f32.1x1.reference")
        // Where a layer has none of those chosen, it keeps its own.
        #expect(try name(chosen: ["conv1x1*"]) == "conv3x3.f32.4x8.baseline")
        let error = #expect(throws: EngineError.self) { try name(forbidden: ["*"]) }
        #expect(error?.code == .unavailable && error?.subject == "test")
        #expect(throws: EngineError.self) {
            try ConvolutionCandidates(table, filter: KernelFilter(forbidden: ["nothing*"])).check()
        }
    }

    /// The products of Winograd's algorithm are kernels like others.
    @Test func productsKeepToOptions() throws {
        let layer = try layer("conv:c64h28w28,k64r3s3,pad1")
        func product(_ filter: KernelFilter) -> String? {
            WinogradCandidate(table: table, filter: filter).productKernel(layer.geometry)?.name
        }
        #expect(product(KernelFilter()) == "conv1x1few.f32.4x8.baseline")
        #expect(product(KernelFilter(forbidden: ["conv1x1few*"])) == "conv1x1.f32.4x8.baseline")
        #expect(product(KernelFilter(chosen: ["winograd*", "convnxn*"])) == "convnxn.f32.4x8.baseline")
        let filter = KernelFilter(forbidden: ["conv1x1*", "convnxn.*"])
        #expect(product(filter) == nil)
        let choice = try ConvolutionCandidates(table, filter: filter).choose(for: layer, node: "test")
        #expect(choice.candidate.name == "conv3x3.f32.4x8.baseline")
        let rejection = try #require(choice.rejected.first { $0.kernel.hasPrefix("winograd") })
        #expect(rejection.reason == "--skip-impl leaves no 1x1 kernel for its products")

        let model = try Model(ResNet(blocks: 1, channels: 64, imageHeight: 12, imageWidth: 12), seed: 1)
        let input = try seededInput([2, 3, 12, 12])
        var options = makeOptions(isa: .baseline)
        let expected: Tensor = try Engine(model, options: options).score(input)
        options.kernels = KernelFilter(forbidden: ["conv1x1few*"])
        let engine = try Engine(model, options: options)
        let output: Tensor = try engine.score(input)
        #expect(engine.steps.contains { $0.kernel.hasPrefix("winograd") })
        #expect(output.values == expected.values)
    }

    /// A candidate of the tests' own: the reference by another name.
    private struct Slow: ConvolutionCandidate {
        var name = "conv.f32.slow"
        var numericClass: NumericClass { NumericClass("slow", keepsDefinition: true) }
        func support(_ layer: ConvolutionLayer) -> KernelSupport {
            layer.geometry.groups == 1 ? .yes : .no(reason: "groups")
        }
        func cycles(_ layer: ConvolutionLayer) -> Double { 1e12 }
        func packedBytes(
            _ operation: Convolution2D, _ context: StepPlanningContext
        ) throws(EngineError) -> Int { 0 }
        func step(
            _ operation: Convolution2D, _ context: StepPlanningContext
        ) throws(EngineError) -> any Step {
            try ConvolutionStep(operation, ReferenceConvolution.kernel, context)
        }
    }

    @Test func pluginsBringKernels() throws {
        var registry = Registry.builtin
        try registry.register(Plugin("slow", convolutions: [Slow()]))
        let model = try Model(ResNet(blocks: 1, channels: 8, imageHeight: 6, imageWidth: 5), seed: 0)
        var options = makeOptions()
        options.kernels.chosen = ["conv.f32.slow"]
        let engine = try Engine(model, options: options, registry: registry)
        #expect(
            engine.steps.filter { $0.operation == "convolution" }.allSatisfy { $0.kernel == "conv.f32.slow" })
        #expect(throws: EngineError.self) { try Engine(model, options: options) }
    }

    /// A pooling inside a convolution takes direct kernels; where options choose another, it stays apart.
    @Test func poolingsStayApartFromChosenKernels() throws {
        var registry = Registry.builtin
        try registry.register(Plugin("slow", convolutions: [Slow()]))
        let model = try Model(makePreset("resnet18", channels: 16, height: 33, width: 33), seed: 0)
        let input = try seededInput([2, 3, 33, 33])
        var options = makeOptions()
        let fused = try Engine(model, options: options, registry: registry)
        let stem = try #require(fused.steps.first { $0.operation == "pooled-convolution" })
        let reasons = stem.rejected.filter { $0.kernel == "conv.f32.slow" }.map(\.reason)
        #expect(reasons.count == 1 && reasons[0].hasPrefix("takes no bands"))
        // And that Winograd's algorithm cannot compute it.
        #expect(stem.rejected.contains { $0.kernel.hasPrefix("winograd") })

        options.kernels.chosen = ["conv.f32.slow"]
        let apart = try Engine(model, options: options, registry: registry)
        #expect(!apart.steps.contains { $0.operation == "pooled-convolution" })
        #expect(apart.steps.contains { $0.operation == "pooling" && $0.kernel.hasPrefix("maxpool") })
        #expect(apart.steps.first { $0.node == stem.node }?.kernel == "conv.f32.slow")
        let output: Tensor = try apart.score(input)
        let expected: Tensor = try fused.score(input)
        #expect(relativeError(output.values, expected.values) < 1e-5)

        // So where nothing else is left.
        options.kernels = KernelFilter(
            forbidden: ["conv*.\(fused.isa.rawValue)", "*.reference", "winograd*"])
        let left = try Engine(model, options: options, registry: registry)
        #expect(left.steps.first { $0.node == stem.node }?.kernel == "conv.f32.slow")
    }

    /// A plugin's step notes no statistics: where a normalisation wants them it is not taken.
    @Test func pluginsKernelsKeepBatchModeRight() throws {
        var registry = Registry.builtin
        try registry.register(Plugin("slow", convolutions: [Slow()]))
        let model = try Model(ResNet(blocks: 1, channels: 8, imageHeight: 6, imageWidth: 5), seed: 0)
        let input = try seededInput([4, 3, 6, 5])
        var options = makeOptions(mode: .batch)
        let expected: Tensor = try Engine(model, options: options).score(input)
        options.kernels.chosen = ["conv.f32.slow"]
        let engine = try Engine(model, options: options, registry: registry)
        let output: Tensor = try engine.score(input)
        #expect(output.values == expected.values)
        let reasons = engine.steps.flatMap(\.rejected).filter { $0.kernel == "conv.f32.slow" }
        #expect(reasons.count == 3 && reasons.allSatisfy { $0.reason.contains("statistics") })
    }

    /// As PyTorch with `ceil_mode`: a map smaller than the window has one.
    @Test func windowMayBeLargerThanTheMap() throws {
        let window = PoolingWindow(kernel: 2, stride: 2, coversEdges: true)
        for kind in [Pooling.Kind.maximum, .mean] {
            let pooling = try Pooling(kind, window, node: "test")
            let shape = FeatureShape(channels: 20, height: 1, width: 3)
            let output = try pooling.outputShape([shape], node: "test")
            #expect(output == FeatureShape(channels: 20, height: 1, width: 2))
            var trial = KernelTrial(seed: 1)
            guard
                case .error(let error) = try trial.pooling(
                    pooling, shape, from: .float32, to: .float32, table: table)
            else {
                Issue.record("broken")
                return
            }
            #expect(error <= 1)
        }
        let plain = try Pooling(.mean, PoolingWindow(kernel: 2, stride: 2), node: "test")
        #expect(throws: EngineError.self) {
            try plain.outputShape([FeatureShape(channels: 1, height: 1, width: 1)], node: "test")
        }
    }

    @Test func registryRefusesWhatIsTaken() throws {
        var registry = Registry.builtin
        try registry.register(Plugin("one", blocks: [], convolutions: [Slow()]))
        let count = registry.blocks.count
        for plugin in [
            Plugin("two", convolutions: [Slow()]),
            Plugin("two", convolutions: [Slow(name: "winograd4x4.f32.baseline")]),
            Plugin("two", blocks: [BasicBlock()]), Plugin("two", interface: Registry.interface + 1),
            Plugin("two", interface: 0), Plugin("two", blocks: [Named(name: "new"), Named(name: "new")]),
        ] {
            let error = #expect(throws: EngineError.self) { try registry.register(plugin) }
            #expect(error?.code == .unavailable && error?.subject == "plugin two")
        }
        #expect(registry.blocks.count == count && registry.convolutions.count == 1)
        #expect(throws: EngineError.self) { try registry.block(named: "new") }
        try registry.register(Plugin("two", blocks: [Named(name: "new")]))
        #expect(try registry.block(named: "new").className == "Named")
    }

    @Test func operationsByVersion() throws {
        var registry = Registry.builtin
        try registry.register(
            Plugin("one", operations: [OperationKind("relu", versions: 2...3) { _ in ReLU() }]))
        #expect(try registry.operation(named: "relu").value.versions == 2...3)
        #expect(try registry.operation(named: "relu", version: 1).plugin == "built in")
        #expect(throws: EngineError.self) { try registry.operation(named: "relu", version: 4) }
        #expect(throws: EngineError.self) { try registry.operation(named: "none") }
        // One activation a name: the latest.
        #expect(registry.activations.map(\.value.name) == ["relu (one)"])
        #expect(throws: EngineError.self) { try registry.activation(named: "add") }
    }

    private struct Named: BlockVariant {
        var name: String
        var className: String { "Named" }
        func build(
            _ builder: inout NetworkBuilder, input: Edge, _ shape: BlockShape
        ) throws(EngineError) -> Edge { input }
    }
}
