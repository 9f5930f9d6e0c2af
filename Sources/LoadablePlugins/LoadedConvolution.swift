import CEnginePlugin
import ResNetEngine

/// A convolution kernel behind a plugin's functions, which may run at the same time.
struct LoadedConvolution: ConvolutionCandidate {
    let plugin: String
    let name: String
    let numericClass: NumericClass
    fileprivate let functions: Functions

    /// The functions, none missing.
    struct Functions: @unchecked Sendable {
        let user: UnsafeMutableRawPointer?
        let flags: UInt32
        let supports: re_convolution_supports
        let shape: re_convolution_shape
        let cost: re_convolution_costs
        let pack: re_convolution_pack
        let run: re_convolution_run
    }

    /// - Throws: `unavailable` naming the file and the kernel for a description that is not whole.
    init(
        _ pointer: UnsafePointer<re_convolution>, plugin: String, _ path: String
    ) throws(EngineError) {
        let description = pointer.pointee
        guard let name = PluginCall.text(description.name) else {
            throw PluginLibrary.refusal(path, "has a kernel without a name", expected: "a name")
        }
        guard let supports = description.supports, let shape = description.shape,
            let cost = description.cost, let pack = description.pack, let run = description.run
        else {
            throw PluginLibrary.refusal(
                path, "kernel '\(name)' lacks a function", expected: "supports, shape, cost, pack and run")
        }
        guard let numericClass = PluginCall.text(description.numeric_class) else {
            throw PluginLibrary.refusal(path, "kernel '\(name)' has no numeric class", expected: "one")
        }
        self.plugin = plugin
        self.name = name
        // Of its own: that a plugin's kernels give the bits of the engine's, nothing checks.
        self.numericClass = NumericClass(
            "\(plugin): \(numericClass)", keepsDefinition: description.keeps_definition != 0)
        functions = Functions(
            user: description.user, flags: description.flags, supports: supports, shape: shape, cost: cost,
            pack: pack, run: run)
    }

    func support(_ layer: ConvolutionLayer) -> KernelSupport {
        var problem = re_convolution_problem(layer)
        if let reason = PluginCall.failure({ functions.supports(functions.user, &problem, $0) }) {
            return .no(reason: reason)
        }
        switch costs(layer) {
        case .success: return .yes
        case .failure(let reason): return .no(reason: reason.text)
        }
    }

    func cycles(_ layer: ConvolutionLayer) -> Double {
        switch costs(layer) {
        case .success(let cost): cost.cycles
        case .failure: .infinity
        }
    }

    func packedBytes(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        Int(try checkedCosts(operation, context).packed_bytes)
    }

    func scratchCount(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        Int(try checkedCosts(operation, context).scratch_floats)
    }

    func step(_ operation: Convolution2D, _ context: StepPlanningContext) throws(EngineError) -> any Step {
        try LoadedConvolutionStep(self, operation, context)
    }

    private struct Reason: Error { let text: String }

    /// What the plugin says the layer takes, or why that cannot be.
    private func costs(_ layer: ConvolutionLayer) -> Result<re_convolution_cost, Reason> {
        var problem = re_convolution_problem(layer)
        var cost = re_convolution_cost()
        cost.size = MemoryLayout<re_convolution_cost>.size
        if let failure = PluginCall.failure({ functions.cost(functions.user, &problem, &cost, $0) }) {
            return .failure(Reason(text: "gives no cost, \(failure)"))
        }
        let sizes = 0...Int64(1) << 40
        guard cost.cycles >= 0, sizes.contains(cost.packed_bytes),
            sizes.contains(cost.scratch_floats)
        else {
            return .failure(
                Reason(
                    text: "gives an impossible cost of \(cost.cycles) cycles, \(cost.packed_bytes) bytes and "
                        + "\(cost.scratch_floats) floats"))
        }
        return .success(cost)
    }

    /// The same, once the shape that the plugin infers is the layer's.
    private func checkedCosts(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> re_convolution_cost {
        let layer = operation.layer(context)
        var problem = re_convolution_problem(layer)
        var output = re_shape()
        if let failure = PluginCall.failure({ functions.shape(functions.user, &problem, &output, $0) }) {
            throw error(.badData, context.node, "gives no shape, \(failure)")
        }
        guard FeatureShape(output) == layer.outputShape else {
            throw error(
                .badData, context.node,
                "gives shape (\(output.channels), \(output.height), \(output.width))",
                expected: "\(layer.outputShape)")
        }
        switch costs(layer) {
        case .success(let cost): return cost
        case .failure(let reason): throw error(.unavailable, context.node, reason.text)
        }
    }

    fileprivate func error(
        _ code: EngineError.Code, _ node: String, _ found: String, expected: String = ""
    ) -> EngineError {
        EngineError(code, node, "plugin \(plugin): kernel \(name) \(found)", expected: expected)
    }
}

/// One convolution by a plugin, image by image.
private struct LoadedConvolutionStep: Step {
    private let kernel: LoadedConvolution
    private let problem: re_convolution_problem
    private let packed: AlignedBuffer<UInt8>
    private let hasModerateWeights: Bool
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let node: String

    init(
        _ kernel: LoadedConvolution, _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) {
        self.kernel = kernel
        var problem = re_convolution_problem(operation.layer(context))
        let packed = try AlignedBuffer<UInt8>(
            count: try kernel.packedBytes(operation, context), subject: "weights of \(context.node)")
        let functions = kernel.functions
        let failure = operation.weight.withElements { weight in
            operation.bias.withElements { bias in
                PluginCall.failure {
                    functions.pack(
                        functions.user, &problem, weight.baseAddress, bias.baseAddress, packed.pointer, $0)
                }
            }
        }
        if let failure { throw kernel.error(.unavailable, context.node, "packs no weights, \(failure)") }
        self.problem = problem
        self.packed = packed
        hasModerateWeights = [operation.weight, operation.bias].allSatisfy {
            $0.withElements { $0.allSatisfy { abs($0) <= 0x1p48 } }
        }
        input = context.inputs[0]
        residual = operation.addsResidual ? context.inputs[1] : nil
        output = context.output
        node = context.node
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let functions = kernel.functions
        let height = output.shape.height
        let cuts = functions.flags & UInt32(RE_CUTS_ROWS) != 0
        let rows = cuts ? part.rows(of: height) : part.isFirst ? 0..<height : 0..<0
        var problem = problem
        for image in images {
            guard !rows.isEmpty else { continue }
            let overwritten = residual == output
            // Once overwritten it cannot be looked at; other rows of it are other workers'.
            let wereModerate =
                overwritten && output.isModerate(context.origin(image, of: output), rows: rows)
            var source = re_map(input, origin: context.origin(image, of: input))
            var target = re_map(output, origin: context.origin(image, of: output))
            var added = residual.map { re_map($0, origin: context.origin(image, of: $0)) } ?? re_map()
            let hasResidual = residual != nil
            let failure = PluginCall.failure { messages in
                withUnsafePointer(to: &source) { source in
                    withUnsafePointer(to: &added) { added in
                        withUnsafePointer(to: &target) { target in
                            var call = re_convolution_call(
                                size: MemoryLayout<re_convolution_call>.size, input: source,
                                residual: hasResidual ? added : nil, output: target,
                                packed: packed.pointer, scratch: context.scratch,
                                first_row: Int64(rows.lowerBound), end_row: Int64(rows.upperBound))
                            return functions.run(functions.user, &problem, &call, messages)
                        }
                    }
                }
            }
            if let failure {
                return context.fail(kernel.error(.unavailable, node, "ended with \(failure)"))
            }
            if output.holdsNaN(context.origin(image, of: output), rows: rows), hasModerateWeights,
                !overwritten || wereModerate, isModerate(context, image)
            {
                return context.fail(
                    kernel.error(.badData, node, "wrote NaN", expected: "numbers, as its inputs are"))
            }
        }
    }

    private func isModerate(_ context: StepContext, _ image: Int) -> Bool {
        [input, residual].allSatisfy { placement in
            guard let placement, placement != output else { return true }
            return placement.isModerate(
                context.origin(image, of: placement), rows: 0..<placement.shape.height)
        }
    }
}

extension re_convolution_problem {
    fileprivate init(_ layer: ConvolutionLayer) {
        let g = layer.geometry
        self.init(
            size: MemoryLayout<re_convolution_problem>.size,
            input: re_shape(
                FeatureShape(channels: g.inputChannels, height: layer.height, width: layer.width)),
            input_layout: layer.isPlanar
                ? UInt32(RE_LAYOUT_PLANAR) : UInt32(RE_LAYOUT_BLOCKED),
            output_channels: Int64(g.outputChannels), kernel_height: Int64(g.kernelHeight),
            kernel_width: Int64(g.kernelWidth), stride_height: Int64(g.strideHeight),
            stride_width: Int64(g.strideWidth), padding_height: Int64(g.paddingHeight),
            padding_width: Int64(g.paddingWidth), dilation_height: Int64(g.dilationHeight),
            dilation_width: Int64(g.dilationWidth), groups: Int64(g.groups),
            has_residual: layer.residual == .none ? 0 : 1,
            residual_in_place: layer.residual == .inPlace ? 1 : 0, rectifies: layer.rectifies ? 1 : 0)
    }
}
