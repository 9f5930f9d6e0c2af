import Diagnostics
import Kernels
import Tensors

/// Two-dimensional convolution (cross-correlation, as in PyTorch), zero-padded, with an optional residual added
/// and an optional ReLU after it:
///
///     y[k] = act(bias[k] + residual[k] + Σ_c,r,s x[c] · weight[k, c, r, s])
///
/// In a graph the weights may still have to be multiplied by what an absorbed normalisation says; a kernel candidate from
/// outside gets them ready.
///
/// Inputs: the image features, then the residual if there is one.
public struct Convolution2D: Operation {
    public var identifier: String { "convolution" }
    public var version: Int { 1 }

    /// The attributes of a convolution.
    public struct Geometry: Sendable, Hashable {
        public var inputChannels: Int
        public var outputChannels: Int
        public var kernelHeight: Int
        public var kernelWidth: Int
        public var strideHeight = 1
        public var strideWidth = 1
        /// Zero rows above and below.
        public var paddingHeight = 0
        /// Zero columns left and right.
        public var paddingWidth = 0
        public var dilationHeight = 1
        public var dilationWidth = 1
        public var groups = 1

        public init(inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int = 1, padding: Int = 0) {
            self.inputChannels = inputChannels
            self.outputChannels = outputChannels
            kernelHeight = kernel
            kernelWidth = kernel
            strideHeight = stride
            strideWidth = stride
            paddingHeight = padding
            paddingWidth = padding
        }

        /// Shape of the weights: `k c/groups r s`.
        public var weightShape: [Int] {
            [outputChannels, inputChannels / max(groups, 1), kernelHeight, kernelWidth]
        }
    }

    public let geometry: Geometry
    /// `k c/groups r s`.
    public var weight: Tensor
    /// `k`.
    public var bias: Tensor
    /// What the weights of each output channel are multiplied by, in float64 and rounded once; nil for 1.
    var scales: [Double]?
    public var addsResidual = false
    public var rectifies = false

    /// - Throws: `badData` naming `node` for an impossible geometry or tensors that do not fit it.
    public init(_ geometry: Geometry, weight: Tensor, bias: Tensor?, node: String) throws(EngineError) {
        let g = geometry
        guard
            [
                g.inputChannels, g.outputChannels, g.kernelHeight, g.kernelWidth, g.strideHeight,
                g.strideWidth,
                g.dilationHeight, g.dilationWidth, g.groups,
            ].allSatisfy({ $0 >= 1 && $0 <= Int(Int32.max) }),
            [g.paddingHeight, g.paddingWidth].allSatisfy({ $0 >= 0 && $0 <= 1 << 16 }),
            g.inputChannels % g.groups == 0, g.outputChannels % g.groups == 0
        else {
            throw EngineError(
                .badData, node,
                """
                a convolution of \(g.inputChannels) to \(g.outputChannels) channels in \(g.groups) groups, kernel \
                \(g.kernelHeight)x\(g.kernelWidth), stride \(g.strideHeight)x\(g.strideWidth), padding \
                \(g.paddingHeight)x\(g.paddingWidth), dilation \(g.dilationHeight)x\(g.dilationWidth)
                """, expected: "channels that the groups divide, all from 1 on, padding from 0 to 65536")
        }
        guard weight.shape.dimensions == g.weightShape else {
            throw EngineError(.badData, node, "weight of shape \(weight.shape)", expected: "\(g.weightShape)")
        }
        let zeros = try Tensor(shape: [g.outputChannels], subject: node)
        guard (bias ?? zeros).shape.dimensions == [g.outputChannels] else {
            throw EngineError(
                .badData, node, "bias of shape \(zeros.shape)", expected: "[\(g.outputChannels)]")
        }
        self.geometry = geometry
        self.weight = weight
        self.bias = bias ?? zeros
    }

    public func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard let input = inputs.first, inputs.count == (addsResidual ? 2 : 1) else {
            throw EngineError(.badData, node, "\(inputs.count) inputs", expected: addsResidual ? "2" : "1")
        }
        guard input.channels == geometry.inputChannels else {
            throw EngineError(
                .badData, node, "\(input.channels) input channels", expected: "\(geometry.inputChannels)")
        }
        let output = geometry.output(height: input.height, width: input.width)
        guard output.height > 0, output.width > 0 else {
            throw EngineError(
                .badData, node, "input \(input) is smaller than the kernel", expected: "a larger map")
        }
        if addsResidual, inputs[1] != output {
            throw EngineError(.badData, node, "residual of shape \(inputs[1])", expected: "\(output)")
        }
        return output
    }

    public func cost(_ inputs: [FeatureShape]) -> Cost {
        guard let output = try? outputShape(inputs, node: "") else { return Cost(flops: 0) }
        return Cost(
            flops: 2 * output.elementCount * accumulatedTerms,
            parameterBytes: 4 * (weight.elementCount + bias.elementCount))
    }

    public var accuracy: AccuracyClass { .sum(terms: accumulatedTerms) }

    private var accumulatedTerms: Int {
        geometry.inputChannels / geometry.groups * geometry.kernelHeight * geometry.kernelWidth
    }

    public func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        let x = inputs[0]
        guard let shape = try? outputShape(inputs.map(\.shape), node: "") else { return x }
        var y = ReferenceTensor(batch: x.batch, shape: shape)
        let g = geometry
        let (groupInputs, groupOutputs) = (g.inputChannels / g.groups, g.outputChannels / g.groups)
        let (weights, biases) = (weight.values, bias.values)
        for n in 0..<x.batch {
            for k in 0..<g.outputChannels {
                let scale = scale(k)
                for oh in 0..<shape.height {
                    for ow in 0..<shape.width {
                        var sum = Double(biases[k])
                        for c in 0..<groupInputs {
                            for r in 0..<g.kernelHeight {
                                let h = oh * g.strideHeight - g.paddingHeight + r * g.dilationHeight
                                guard h >= 0, h < x.shape.height else { continue }
                                for s in 0..<g.kernelWidth {
                                    let w = ow * g.strideWidth - g.paddingWidth + s * g.dilationWidth
                                    guard w >= 0, w < x.shape.width else { continue }
                                    let at = ((k * groupInputs + c) * g.kernelHeight + r) * g.kernelWidth + s
                                    sum +=
                                        x[n, k / groupOutputs * groupInputs + c, h, w]
                                        * (Double(weights[at]) * scale)
                                }
                            }
                        }
                        if addsResidual { sum += inputs[1][n, k, oh, ow] }
                        y[n, k, oh, ow] = rectifies && sum < 0 ? 0 : sum
                    }
                }
            }
        }
        return y
    }
}

extension Convolution2D: PlannableOperation {
    public func imagesAtOnce(output: FeatureShape) -> Int { Self.imagesAtOnce(output: output) }

    /// As many as have some 800 pixels.
    static func imagesAtOnce(output: FeatureShape) -> Int {
        max(1, min(16, 800 / max(output.height * output.width, 1)))
    }

    /// Whether the input map may stay planar: few channels would leave most of a channel block empty.
    private var prefersPlanar: Bool {
        geometry.inputChannels < channelBlock && geometry.dilationWidth == 1 && geometry.groups == 1
    }

    public func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        var requirement = InputRequirement(
            acceptsPlanar: index == 0 && prefersPlanar, overwritable: index > 0)
        if index == 0 {
            requirement.halo = max(geometry.paddingHeight, geometry.paddingWidth)
            // Every instruction set has kernels of pairs for these strides.
            requirement.acceptsBFloat16 = geometry.strideWidth <= 2
            requirement.acceptsPlanarBFloat16 = prefersPlanar && geometry.strideWidth == 2
        } else {
            requirement.acceptsBFloat16 = true
            requirement.matchesOutput = true
        }
        return requirement
    }

    public var makesBFloat16: Bool { true }

    public func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        let choice = try candidate(context)
        return KernelChoice(name: choice.candidate.name, rejected: choice.rejected)
    }

    public func packedBytes(_ context: StepPlanningContext) throws(EngineError) -> Int {
        try candidate(context).candidate.packedBytes(self, context)
    }

    public func scratchCount(_ context: StepPlanningContext) throws(EngineError) -> Int {
        try candidate(context).candidate.scratchCount(self, context)
    }

    public func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        let candidate = try candidate(context).candidate
        let isBuiltIn = candidate is DirectCandidate || candidate is WinogradCandidate
        return try candidate.step(isBuiltIn ? self : scaled(), context)
    }

    public func problem(_ context: StepPlanningContext) -> LayerProblem? {
        LayerProblem(.convolution(layer(context)))
    }

    private func candidate(
        _ context: StepPlanningContext
    ) throws(EngineError) -> (candidate: any ConvolutionCandidate, rejected: [KernelRejection]) {
        try context.candidates.choose(
            for: layer(context), notesStatistics: context.statistics != nil, node: context.node)
    }

    /// The convolution as it stands in a network.
    public func layer(_ context: StepPlanningContext) -> ConvolutionLayer {
        let input = context.inputs[0]
        var layer = ConvolutionLayer(geometry, height: input.shape.height, width: input.shape.width)
        layer.isPlanar = input.layout.isPlanar
        layer.inputPrecision = input.precision
        layer.outputPrecision = context.output.precision
        layer.hasBias = true
        layer.rectifies = rectifies
        if addsResidual { layer.residual = context.inputs[1] == context.output ? .inPlace : .apart }
        return layer
    }
}

extension Convolution2D.Geometry {
    /// The result's shape; an extent of 0 where the kernel is larger than the padded map.
    func output(height: Int, width: Int) -> FeatureShape {
        func extent(_ size: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
            let (reach, overflow) = dilation.multipliedReportingOverflow(by: kernel - 1)
            let span = overflow ? Int.max / 2 : reach
            return size + 2 * padding <= span ? 0 : (size + 2 * padding - span - 1) / stride + 1
        }
        return FeatureShape(
            channels: outputChannels,
            height: extent(height, kernelHeight, strideHeight, paddingHeight, dilationHeight),
            width: extent(width, kernelWidth, strideWidth, paddingWidth, dilationWidth))
    }

    /// The problem that decides which kernel computes the convolution.
    func problem(output: FeatureShape, inputLayout: Layout) -> ConvolutionProblem {
        let layout: ConvolutionProblem.InputLayout =
            switch inputLayout {
            case .planar: .planar
            case .blocked: .blocked
            case .blockedPairs: .blockedPairs
            case .planarPairs: .planarPairs
            }
        return ConvolutionProblem(
            inputChannels: inputChannels, outputChannels: outputChannels, outputHeight: output.height,
            outputWidth: output.width, kernelHeight: kernelHeight, kernelWidth: kernelWidth,
            strideHeight: strideHeight, strideWidth: strideWidth, dilationHeight: dilationHeight,
            dilationWidth: dilationWidth, groups: groups,
            inputLayout: layout)
    }
}
