import Foundation
import LoadablePlugins
import ResNetEngine
import Testing

/// Plugins loaded at run time: the two of this package, and faulty ones.
@Suite struct LoadablePluginTests {
    /// `Tests/Fixtures/faulty_plugin.c` with a fault.
    private func faulty(_ fault: String, _ folder: TemporaryFolder, flags: [String] = []) throws -> String {
        let path = folder.path("\(fault).so")
        let headers = URL(fileURLWithPath: fixture("")).deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Sources/CEnginePlugin/include").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            ["clang", "-shared", "-fPIC", "-O1", "-DFAULT=\(fault)", "-I", headers, "-o", path]
            + flags + [fixture("faulty_plugin.c")]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        return path
    }

    @Test func bothPassVerification() throws {
        let outcome = try expectSuccess(
            .bench,
            ["verify", "--plugin", library("HardSwish"), "--plugin", library("PointwiseConvolution")])
        #expect(outcome.text.contains("hard-swish") && outcome.text.contains("conv1x1plugin.f32.4x16.swift"))
        #expect(outcome.text.contains("2 kernels, 0 failed"))
    }

    /// Hard swish by its definition, not the plugin's.
    private struct Oracle: ResNetEngine.Operation {
        var identifier: String { "oracle" }
        var version: Int { 1 }
        var accuracy: AccuracyClass { .rounding }
        func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
            inputs[0]
        }
        func cost(_ inputs: [FeatureShape]) -> Cost { Cost(flops: 0) }
        func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
            var result = inputs[0]
            result.values = result.values.map { $0 * min(max($0 + 3, 0), 6) / 6 }
            return result
        }
    }

    @Test func networksRunOnThem() throws {
        var registry = Registry.builtin
        for name in ["HardSwish", "PointwiseConvolution"] {
            try registry.register(Plugin.load(library(name)))
        }
        var network = ResNet(
            block: ResidualBlock(), blocks: 2, channels: 20, imageHeight: 9, imageWidth: 7, classes: 5)
        network.activation = try registry.activation(named: "hard-swish")
        let model = try Model(network, seed: 1)
        network.activation = Activation(Oracle())
        let oracle = try Model(network, weights: model.weights)
        var generator = TorchGenerator(seed: 2)
        var input = try Tensor(shape: [5, 3, 9, 7])
        try input.withMutableElements { elements throws(EngineError) in generator.normal(elements) }
        var images = ReferenceTensor(batch: 5, shape: network.inputShape)
        images.values = input.values.map(Double.init)
        let expected = try oracle.graph().reference(images).values
        let largest = expected.map(abs).max() ?? 0
        var options = EngineOptions()
        options.kernels.chosen = ["conv1x1plugin*"]
        options.exact = true
        var bits: Set<[UInt32]> = []
        for (threads, executor) in [(1, ExecutorKind.dispatch), (2, .dispatch), (3, .openmp)] {
            options.threads = threads
            options.executor = executor
            let engine = try Engine(model, options: options, registry: registry)
            #expect(engine.steps.contains { $0.operation == "hard-swish" })
            #expect(engine.steps.contains { $0.kernel == "conv1x1plugin.f32.4x16.swift" })
            let output: Tensor = try engine.score(input)
            for (value, reference) in zip(output.values, expected) {
                #expect(abs(Double(value) - reference) <= 5e-6 * largest)
            }
            bits.insert(output.values.map(\.bitPattern))
        }
        #expect(bits.count == 1)
    }

    @Test(arguments: [
        ("LATER", "needs interface 99, expected 1 to 1"),
        ("LYING", "needs interface 1 and describes itself for 2"),
        ("SHORT", "describes with 8 bytes"),
        ("NAMELESS", "an operation without a name"),
        ("FUNCTIONLESS", "operation 'identity' lacks a function"),
        ("UNWILLING", "cannot start, status 7: not today"),
        ("GAP", "operation 'relu' of versions 3...3 leaves a gap"),
        ("MANY_VERSIONS", "at most 64 versions"), ("ODD_NAME", "the name 'a,b'"),
        ("TAKEN", "operation 'relu' of versions 1...1 is taken (built in"),
    ])
    func isRefusedWhenLoaded(fault: String, text: String) throws {
        let folder = try TemporaryFolder()
        let plugin = try faulty(fault, folder)
        try expectFailure(.bench, ["kernels", "--plugin", plugin], 69, text)
    }

    @Test(
        arguments: [
            ("SHAPE", 65, "make_layer.0.relu: activation identity (Faulty 0.9) gives (64, 28, 29)"),
            ("NO_SHAPE", 65, "make_layer.0.relu: plugin Faulty 0.9: operation 'identity' gives no shape"),
            ("HUGE_SHAPE", 65, "make_layer.0.relu"),
            ("HUGE_COST", 65, "gives a cost of 1152921504606846976, expected 0 to 2^44"),
            ("COST", 65, "make_layer.0.relu: plugin Faulty 0.9: operation 'identity' gives a cost of -1"),
            ("NOT_A_NUMBER", 65, "make_layer.0.relu: plugin Faulty 0.9: operation 'identity' wrote NaN"),
            ("STATUS", 69, "operation 'identity' ended with status 7: out of luck"),
        ] as [(String, Int32, String)])
    func operationFails(fault: String, status: Int32, text: String) throws {
        let folder = try TemporaryFolder()
        let plugin = try faulty(fault, folder)
        try expectFailure(
            .score,
            [
                "--input", "randn:2", "--output", folder.path("y.npy"), "--plugin", plugin, "--activation",
                "identity", "--threads", "1", "--skip-impl", "zeros*",
            ], status, text)
        #expect(folder.names == ["\(fault).so"])
    }

    @Test(
        arguments: [
            ("KERNEL_SHAPE", 65, "kernel zeros.f32.1x16.c gives shape (64, 28, 29), expected (64, 28, 28)"),
            (
                "KERNEL_NOT_A_NUMBER", 65,
                "make_layer.0.conv1: plugin Faulty 0.9: kernel zeros.f32.1x16.c wrote NaN"
            ),
            ("KERNEL_STATUS", 69, "kernel zeros.f32.1x16.c ended with status 7: no luck"),
        ] as [(String, Int32, String)])
    func kernelFails(fault: String, status: Int32, text: String) throws {
        let folder = try TemporaryFolder()
        let plugin = try faulty(fault, folder)
        try expectFailure(
            .score,
            [
                "--input", "randn:2", "--output", folder.path("y.npy"), "--plugin", plugin, "--threads", "1",
            ], status, text)
    }

    /// A kernel of impossible cost is not picked, and says why.
    @Test func impossibleCostIsAReason() throws {
        let folder = try TemporaryFolder()
        let text = try expectSuccess(.bench, ["kernels", "--plugin", faulty("KERNEL_COST", folder)]).text
        #expect(text.contains("gives an impossible cost of nan cycles"))
    }

    @Test func wrongResultsFailVerification() throws {
        let folder = try TemporaryFolder()
        let outcome = try run(.bench, ["verify", "--plugin", faulty("NONE", folder)])
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("zeros.f32.1x16.c") && outcome.text.contains("1 failed"))
        let failures = outcome.text.split(separator: "\n").filter { $0.hasPrefix("failed  ") }
        #expect(failures.count == 6 && failures.last?.hasSuffix(" others") == true, "\(failures)")
        let huge = try run(.bench, ["verify", "--plugin", faulty("HUGE_SHAPE", folder)])
        #expect(huge.status == 1 && huge.text.contains("2 failed"))
    }

    /// Verification sees writes to other places than the output's pixels.
    @Test(arguments: ["KERNEL_OUTPUT_HALO", "KERNEL_INPUT_HALO", "KERNEL_INPUT"])
    func strayWritesFailVerification(fault: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try run(.bench, ["verify", "--plugin", faulty(fault, folder)])
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("which is not its output's, was overwritten"), "\(outcome.text)")
    }

    @Test func filesThatAreNoPlugins() throws {
        let folder = try TemporaryFolder()
        try expectFailure(.bench, ["kernels", "--plugin", folder.path("none.so")], 66, "none.so")
        let text = try folder.file("text.so", Data("a text of more than twenty bytes".utf8))
        try expectFailure(.bench, ["kernels", "--plugin", text], 69, "no shared library")
        var image = try Data(contentsOf: URL(fileURLWithPath: library("HardSwish")))
        let whole = image
        image[18] = image[18] == 62 ? 183 : 62
        try expectFailure(
            .bench, ["kernels", "--plugin", folder.file("other.so", image)], 69, "another architecture")
        // What is behind the last segment, the loader does not need.
        for count in [0, 19, 20, 63, 64, 200, 400, 800, 4000, 5000] {
            let cut = try folder.file("cut.so", whole.prefix(count))
            try expectFailure(.bench, ["kernels", "--plugin", cut], 69, "cut.so")
        }
        var wild = whole
        wild.replaceSubrange(32..<40, with: [UInt8](repeating: 0xFF, count: 8))
        try expectFailure(.bench, ["kernels", "--plugin", folder.file("wild.so", wild)], 69, "not whole")
        let empty = try faulty("NONE", folder, flags: ["-DWITHOUT_ENTRY"])
        try expectFailure(
            .bench, ["kernels", "--plugin", empty], 69, "has no symbol resnet_engine_plugin")
        try expectFailure(
            .bench, ["kernels", "--plugin", library("HardSwish"), "--plugin", library("HardSwish")], 69,
            "is taken")
    }

    /// Operations with parameters, of several inputs or another shape are none.
    @Test(arguments: ["nothing", "linear", "add", "flatten", "sigmoid-gate"])
    func namesOfNoActivation(_ name: String) throws {
        let arguments = ["--activation", name, "--plugin", library("HardSwish")]
        let message = "error[usage]: --activation: '\(name)', expected one of relu, hard-swish\n"
        try expectFailure(.bench, ["kernels"] + arguments, 64, message)
        try expectFailure(.score, arguments + ["--input", "randn:1", "--output", "x.npy"], 64, message)
    }

    /// A failed batch is an error of that batch alone.
    @Test func engineGoesOn() throws {
        let folder = try TemporaryFolder()
        var registry = Registry.builtin
        try registry.register(Plugin.load(faulty("ONCE", folder)))
        var network = ResNet(
            block: ResidualBlock(), blocks: 1, channels: 20, imageHeight: 9, imageWidth: 7, classes: 5)
        network.activation = try registry.activation(named: "identity")
        var options = EngineOptions()
        options.kernels.forbidden = ["zeros*"]
        options.threads = 2
        let engine = try Engine(Model(network, seed: 1), options: options, registry: registry)
        var generator = TorchGenerator(seed: 2)
        var input = try Tensor(shape: [7, 3, 9, 7])
        try input.withMutableElements { elements throws(EngineError) in generator.normal(elements) }
        let error = #expect(throws: EngineError.self) { _ = try engine.score(input) as Tensor }
        #expect(error?.code == .unavailable && error?.subject == "make_layer.0.relu")
        let output: Tensor = try engine.score(input)
        #expect(output.values.allSatisfy { $0.isFinite })
    }
}
