import CommandSupport
import Foundation
import ModelFiles
import ResNetEngine
import Testing

/// Networks of every block variant against PyTorch in float64: `Tests/Fixtures/make_resnet_fixtures.py`.
@Suite struct ResNetFixtureTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/resnet")
    private static let outputs =
        (try? Safetensors.read(folder.appendingPathComponent("outputs.safetensors").path))
        ?? StateDictionary()
    private static let cases = outputs.names.sorted()

    @Test func fixturesCoverEveryVariant() {
        #expect(Self.cases.count == 33)
        for entry in Registry.standard.blocks {
            #expect(Self.cases.contains { $0.hasPrefix("notebook.\(entry.value.name).") })
            #expect(Self.cases.contains { $0.hasPrefix("resnet") && $0.contains(".\(entry.value.name).") })
        }
    }

    @Test(arguments: cases)
    func matchesPyTorch(name: String) throws {
        let expected = try #require(Self.outputs.tensor(name))
        let network = try Self.network(name)
        let seed = try #require(name.split(separator: ".").last.flatMap { UInt64($0) })
        let (model, images) = try Self.draw(network, seed: seed)
        for exact in [false, true] {
            var options = EngineOptions()
            options.batch = 2
            options.exact = exact
            let output: Tensor = try Engine(model, options: options).score(images)
            let largest = expected.values.map(abs).max() ?? 0
            let error = zip(output.values, expected.values).map { abs($0 - $1) }.max() ?? .infinity
            print(name, exact ? "exact" : "default", "error", error / largest)
            #expect(output.shape == expected.shape)
            #expect(largest > 0.01 && error <= 1e-5 * largest, "\(name): \(error / largest)")
        }
    }

    /// The network that a fixture's name says: `FRAME.BLOCK.CHANNELS.HEIGHTxWIDTH.SEED`.
    private static func network(_ name: String) throws -> ResNet {
        let parts = name.split(separator: ".")
        let block = try Registry.standard.block(named: String(parts[1]))
        let channels = try #require(Int(parts[2]))
        let size = parts[3].split(separator: "x").compactMap { Int($0) }
        guard let preset = ResNet.presets.first(where: { $0.name == parts[0] }) else {
            return ResNet(
                block: block, blocks: 2, channels: channels, imageHeight: size[0], imageWidth: size[1])
        }
        return ResNet(
            preset, block: block, imageHeight: size[0], imageWidth: size[1], channels: channels, classes: 10)
    }

    /// Weights, statistics and images as the script draws them.
    private static func draw(_ network: ResNet, seed: UInt64) throws -> (Model, Tensor) {
        var generator = TorchGenerator(seed: seed)
        var state = StateDictionary()
        func drawn(_ shape: [Int], _ low: Float, _ high: Float) throws -> Tensor {
            var tensor = try Tensor(shape: shape)
            try tensor.withMutableElements { generator.uniform($0, from: low, to: high) }
            return tensor
        }
        for parameter in try network.parameters() {
            let kind = parameter.name.split(separator: ".").last ?? ""
            let shape = parameter.shape
            switch kind {
            case "num_batches_tracked": state[parameter.name] = .integers(shape: try Shape([]), values: [0])
            case "weight" where shape.count > 1:
                let bound = Float((6 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
                state[parameter.name] = .tensor(try drawn(shape, -bound, bound))
            case "weight", "running_var": state[parameter.name] = .tensor(try drawn(shape, 0.5, 1.5))
            default: state[parameter.name] = .tensor(try drawn(shape, -0.25, 0.25))
            }
        }
        let images = try drawn([2, 3, network.imageHeight, network.imageWidth], -1, 1)
        return (try Model(network, weights: state), images)
    }

    @Test(arguments: ["resnet18", "resnext50_32x4d"])
    func namesAreTorchvisions(name: String) throws {
        let preset = try #require(ResNet.presets.first { $0.name == name })
        let lines = try ResNet(preset).parameters().map { "\($0.name) \($0.shape)" }
        let expected = try String(
            contentsOf: Self.folder.appendingPathComponent("\(name).txt"), encoding: .utf8)
        #expect(lines.joined(separator: "\n") + "\n" == expected)
    }

    /// The numbers of parameters that torchvision documents.
    @Test(arguments: [
        ("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032),
        ("resnet101", 44_549_160), ("resnet152", 60_192_808), ("resnext50_32x4d", 25_028_904),
        ("resnext101_32x8d", 88_791_336), ("wide_resnet50_2", 68_883_240),
    ])
    func parameterCountsAreTorchvisions(name: String, count: Int) throws {
        let preset = try #require(ResNet.presets.first { $0.name == name })
        let trainable = try ResNet(preset).parameters().filter {
            !$0.name.contains(".running_") && $0.initialization != .counter
        }
        #expect(trainable.reduce(0) { $0 + $1.shape.reduce(1, *) } == count)
    }

    @Test func initialisesAsTorchvision() throws {
        let expected = try Safetensors.read(Self.folder.appendingPathComponent("seed0.safetensors").path)
        let preset = try #require(ResNet.presets.first { $0.name == "resnet18" })
        let model = try Model(ResNet(preset), seed: 0)
        #expect(expected.names.count == 6)
        for name in expected.names {
            let drawn = try #require(model.weights.tensor(name)).values.prefix(40)
            let wanted = try #require(expected.tensor(name)).values
            let error = zip(drawn, wanted).map { abs($0 - $1) }.max() ?? .infinity
            #expect(error <= 1e-6, "\(name): \(error)")
        }
    }
}
