import Diagnostics
import Kernels

/// Which pixels make one output of a pooling.
public struct PoolingWindow: Sendable, Hashable {
    public var kernelHeight: Int
    public var kernelWidth: Int
    public var strideHeight: Int
    public var strideWidth: Int
    /// Rows above and below that windows may reach over; at most half a window.
    public var paddingHeight: Int
    public var paddingWidth: Int
    /// Whether a last window that reaches over the far edge counts: PyTorch's `ceil_mode`.
    public var coversEdges: Bool

    public init(kernel: Int, stride: Int, padding: Int = 0, coversEdges: Bool = false) {
        (kernelHeight, kernelWidth) = (kernel, kernel)
        (strideHeight, strideWidth) = (stride, stride)
        (paddingHeight, paddingWidth) = (padding, padding)
        self.coversEdges = coversEdges
    }

    /// A window of a whole map.
    init(covering shape: FeatureShape) {
        self.init(kernel: shape.height, stride: shape.height)
        (kernelWidth, strideWidth) = (shape.width, shape.width)
    }
}

/// The largest value, or the mean, of each window of each channel. What a window reaches over the map's edge counts
/// neither in a maximum nor in a mean (`count_include_pad=False`).
public struct Pooling: Operation {
    public var identifier: String { "pooling" }
    public var version: Int { 1 }

    public enum Kind: String, Sendable, Hashable {
        case maximum
        case mean
    }

    public let kind: Kind
    /// `nil`: the whole map.
    public let window: PoolingWindow?

    /// - Throws: `badData` naming `node` for an impossible window.
    public init(_ kind: Kind, _ window: PoolingWindow?, node: String) throws(EngineError) {
        if let w = window {
            let extents = [w.kernelHeight, w.kernelWidth, w.strideHeight, w.strideWidth]
            guard extents.allSatisfy({ (1...1 << 16).contains($0) }),
                (0...w.kernelHeight / 2).contains(w.paddingHeight),
                (0...w.kernelWidth / 2).contains(w.paddingWidth)
            else {
                throw EngineError(
                    .badData, node, "pooling window \(w)",
                    expected: "sizes and strides of 1 or more, paddings up to half a window")
            }
        }
        self.kind = kind
        self.window = window
    }

    func window(in shape: FeatureShape) -> PoolingWindow { window ?? PoolingWindow(covering: shape) }

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == 1, let input = inputs.first else {
            throw EngineError(.badData, node, "\(inputs.count) inputs", expected: "1")
        }
        let window = window(in: input)
        func extent(_ size: Int, _ kernel: Int, _ stride: Int, _ padding: Int) -> Int {
            let room = size + 2 * padding - kernel
            // A window may be larger than the map if it may reach over its edge.
            guard room >= 0 || window.coversEdges && room > -stride else { return 0 }
            guard window.coversEdges else { return room / stride + 1 }
            let count = (room + stride - 1) / stride + 1
            // A window that begins beyond the map does not count.
            return (count - 1) * stride >= size + padding ? count - 1 : count
        }
        let output = FeatureShape(
            channels: input.channels,
            height: extent(input.height, window.kernelHeight, window.strideHeight, window.paddingHeight),
            width: extent(input.width, window.kernelWidth, window.strideWidth, window.paddingWidth))
        guard output.height > 0, output.width > 0 else {
            throw EngineError(
                .badData, node, "input \(input) is smaller than the window", expected: "a larger map")
        }
        return output
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        guard let input = inputs.first, let output = try? outputShape(inputs, node: "") else {
            return Cost(flops: 0)
        }
        let window = window(in: input)
        return Cost(flops: output.elementCount * window.kernelHeight * window.kernelWidth)
    }

    public var accuracy: AccuracyClass {
        switch (kind, window) {
        case (.maximum, _): .exact
        case (.mean, let window?): .sum(terms: window.kernelHeight * window.kernelWidth)
        case (.mean, nil): .sum(terms: 1 << 12)
        }
    }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        let x = inputs[0]
        guard let shape = try? outputShape([x.shape], node: "") else { return x }
        let window = window(in: x.shape)
        var y = ReferenceTensor(batch: x.batch, shape: shape)
        for n in 0..<x.batch {
            for c in 0..<shape.channels {
                for oh in 0..<shape.height {
                    for ow in 0..<shape.width {
                        let (top, left) = (
                            oh * window.strideHeight - window.paddingHeight,
                            ow * window.strideWidth - window.paddingWidth
                        )
                        var values: [Double] = []
                        for h in max(top, 0)..<min(top + window.kernelHeight, x.shape.height) {
                            for w in max(left, 0)..<min(left + window.kernelWidth, x.shape.width) {
                                values.append(x[n, c, h, w])
                            }
                        }
                        let largest = values.contains { $0.isNaN } ? .nan : values.max() ?? 0
                        y[n, c, oh, ow] =
                            kind == .maximum ? largest : values.reduce(0, +) / Double(values.count)
                    }
                }
            }
        }
        return y
    }
}

extension Pooling: PlannableOperation {
    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        var requirement = InputRequirement()
        requirement.acceptsBFloat16 = true
        return requirement
    }

    public var makesBFloat16: Bool { true }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        KernelChoice(name: PoolingStep.kernelName(kind, context.table))
    }

    static func kernelNames(_ table: KernelTable) -> [String] {
        [Kind.maximum, .mean].map { PoolingStep.kernelName($0, table) }
    }

    public func problem(_ context: StepPlanningContext) -> LayerProblem? {
        var layer = PoolingLayer(kind, window, input: context.inputs[0].shape)
        (layer.inputPrecision, layer.outputPrecision) = (
            context.inputs[0].precision, context.output.precision
        )
        return LayerProblem(.pooling(layer))
    }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        PoolingStep(self, context)
    }
}
