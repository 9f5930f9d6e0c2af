import Foundation
import ModelFiles
import ResNetEngine
import Testing

/// The committed PyTorch fixtures of networks with other geometry than the notebook's.
struct NotebookFixture: CustomStringConvertible, Sendable {
    static let all = ["small", "odd", "wide-input"].map(NotebookFixture.init)

    let description: String
    private let folder: URL

    init(_ name: String) {
        description = name
        folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/notebook/\(name)")
    }

    func tensor(_ name: String) throws -> Tensor {
        try NPYReader(folder.appendingPathComponent("\(name).npy").path).readAll()
    }
    func state(_ name: String) throws -> StateDictionary {
        try Safetensors.read(folder.appendingPathComponent("\(name).safetensors").path)
    }

    func model() throws -> Model {
        let weights = try state("weights")
        let input = try tensor("input")
        return try Model(
            ResNet(matching: weights, image: (input.shape[2], input.shape[3])), weights: weights)
    }
}

/// A network of a test's own.
struct Sketch: Architecture {
    var name: String { "sketch" }
    var className: String { "Sketch" }
    var inputShape = FeatureShape(channels: 16, height: 8, width: 8)
    var body: @Sendable (inout NetworkBuilder) throws(EngineError) -> Edge

    func build(_ builder: inout NetworkBuilder) throws(EngineError) -> Edge { try body(&builder) }
}

/// max|a − b| / max|b|; infinite where a number is missing or is not one.
func relativeError(_ a: [Float], _ b: [Float]) -> Double {
    guard a.count == b.count, !a.isEmpty else { return .infinity }
    let errors = zip(a, b).map { abs(Double($0) - Double($1)) }
    guard errors.allSatisfy(\.isFinite) else { return .infinity }
    return (errors.max() ?? .infinity) / Double(b.map(abs).max() ?? 1)
}

extension Tensor {
    /// Rows of the tensor in another order, or some of them.
    func rows(_ order: [Int]) throws -> Tensor {
        let size = elementCount / shape[0]
        return try withElements { elements throws(EngineError) in
            try Tensor(
                shape: [order.count] + shape.dimensions.dropFirst(),
                values: order.flatMap { elements[$0 * size..<($0 + 1) * size] })
        }
    }
}

func makeOptions(
    threads: Int = 1, isa: ISALevel = .detected, executor: ExecutorKind = .dispatch,
    mode: BatchNormalizationMode = .running, batch: Int = 32, pin: PinPolicy = .none
) -> EngineOptions {
    var options = EngineOptions()
    options.threads = threads
    options.isa = isa
    options.executor = executor
    options.mode = mode
    options.batch = batch
    options.pin = pin
    return options
}

/// A tensor of seeded values for shapes whose content does not matter.
func seededInput(_ shape: [Int], seed: UInt64 = 1) throws -> Tensor {
    var generator = TorchGenerator(seed: seed)
    var tensor = try Tensor(shape: shape)
    try tensor.withMutableElements { elements throws(EngineError) in generator.normal(elements) }
    return tensor
}

let machineLevels = ISALevel.allCases.filter { $0 <= .detected }

/// A preset's network with few channels and ten classes.
func makePreset(_ name: String, channels: Int, height: Int, width: Int) throws -> ResNet {
    let preset = try #require(ResNet.presets.first { $0.name == name })
    return ResNet(preset, imageHeight: height, imageWidth: width, channels: channels, classes: 10)
}
