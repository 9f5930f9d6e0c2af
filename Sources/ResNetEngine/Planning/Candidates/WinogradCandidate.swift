import Diagnostics
import Kernels
import Tensors

/// Winograd's F(4×4, 3×3), with stride 2 on the phases of the input; or F(2×2, 3×3) of pairs.
struct WinogradCandidate: ConvolutionCandidate {
    var form = WinogradForm.four
    let table: KernelTable
    /// What options say about the 1×1 kernels of its products.
    var filter = KernelFilter()
    var objective = Objective.throughput

    var name: String { "\(family).\(form.takesPairs ? "bf16" : "f32").\(isa)" }
    var numericClass: NumericClass {
        form == .four ? .winograd4x4 : NumericClass("\(family) of \(isa)", keepsDefinition: false)
    }

    private var family: String { "winograd\(form.tile)x\(form.tile)" }
    /// That of its kernels.
    private var isa: String { form.takesPairs ? table.pairsISA : table.isa }

    func support(_ layer: ConvolutionLayer) -> KernelSupport {
        if form.takesPairs, layer.inputPrecision == .float32 {
            return .no(reason: "float32 input, takes bf16")
        }
        return rejection(layer.geometry, isPlanar: layer.isPlanar).map { .no(reason: $0) } ?? .yes
    }

    /// Channel pairs at stride 2, 40 MiB of packed weights: of more, these cost more than they gain.
    private static let channelPairLimit = 256 * 512

    /// Why it cannot compute a convolution.
    private func rejection(_ g: Convolution2D.Geometry, isPlanar: Bool) -> String? {
        if (g.kernelHeight, g.kernelWidth) != (3, 3) {
            return "\(g.kernelHeight)x\(g.kernelWidth), takes 3x3"
        }
        let strides = form == .four ? 1...2 : 1...1
        if g.strideHeight != g.strideWidth || !strides.contains(g.strideHeight) {
            let taken = strides.map { "\($0)x\($0)" }.joined(separator: " and ")
            return "stride \(g.strideHeight)x\(g.strideWidth), takes \(taken)"
        }
        if (g.dilationHeight, g.dilationWidth) != (1, 1) {
            return "dilation \(g.dilationHeight)x\(g.dilationWidth), takes 1x1"
        }
        if g.groups != 1 { return "groups \(g.groups), takes 1" }
        if isPlanar { return "planar input, takes blocked" }
        if g.strideHeight == 2, g.inputChannels * g.outputChannels > Self.channelPairLimit {
            return
                "\(g.inputChannels) to \(g.outputChannels) channels at stride 2, whose weights grow ninefold"
        }
        return productKernel(g) == nil ? "\(filter.forbiddenBy) leaves no 1x1 kernel for its products" : nil
    }

    /// The kernel of the products over tiles, which are 1×1 convolutions: a direct one, so that the results of this
    /// candidate do not depend on which.
    func productKernel(_ geometry: Convolution2D.Geometry) -> ConvolutionKernel? {
        let pointwise = Convolution2D.Geometry(
            inputChannels: geometry.inputChannels, outputChannels: geometry.outputChannels, kernel: 1)
        var products = ConvolutionLayer(pointwise, height: 1, width: 1, isPlanar: false)
        products.inputPrecision = form.takesPairs ? .bfloat16 : .float32
        func isFit(_ kernel: ConvolutionKernel) -> Bool {
            let candidate = DirectCandidate(kernel: kernel, lanes: table.lanes)
            return kernel.takesPairs == form.takesPairs && candidate.support(products) == .yes
                && (form.takesPairs ? kernel.isa == isa : candidate.numericClass == .direct)
                && filter.forbids(kernel.name) == nil
        }
        let chosen =
            filter.isEmpty ? nil : table.convolutions.first { isFit($0) && filter.chooses($0.name) }
        return chosen ?? table.convolutions.first(where: isFit)
    }

    /// Transforms of some 150 cycles a vector of a tile, or 45 where that has four outputs; and the products, while which the
    /// weights are read, once for all images that a step takes at once, or for each: at some 4 bytes a cycle, of which a fourth is waited
    /// for, unless they stay in a second-level cache of the usual size.
    func cycles(_ layer: ConvolutionLayer) -> Double {
        let output = layer.outputShape
        let rows = WinogradSide(output.height, form)
        let columns = WinogradSide(output.width, form)
        let phases = WinogradPhases(stride: layer.geometry.strideHeight)
        // Elements of all tiles, of all phases: edge tiles have fewer.
        func elements(_ side: WinogradSide) -> Double {
            Double(phases.stride == 1 ? side.elements() : side.elements(taps: 2) + side.elements(taps: 1))
        }
        let all = elements(rows) * elements(columns)
        let tiles = Double(rows.elements()) * Double(columns.elements()) / Double(form.elements)
        let pairs = layer.channelPairs(layer.geometry)
        let channels =
            phases.count * blocks(ofChannels: layer.geometry.inputChannels)
            + blocks(ofChannels: layer.geometry.outputChannels)
        let vectors = Double(channels) * Double(channelBlock) / Double(table.lanes)
        let elementsOfAll = (0..<form.elements).reduce(0) { $0 + phases.range(of: $1).count }
        let weightBytes = (form.takesPairs ? 2 : 4) * Double(elementsOfAll) * pairs
        let images = objective == .throughput ? Convolution2D.imagesAtOnce(output: output) : 1
        let reading = weightBytes > 524_288 ? weightBytes / 4 / Double(images) : 0
        let rate = form.takesPairs ? productKernel(layer.geometry)?.vectorsPerCycle ?? 2 : 2
        return (form.takesPairs ? 45 : 150) * tiles * vectors
            + max(pairs * all / (rate * Double(table.lanes)), reading) + reading / 4
    }

    func packedBytes(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        let input = context.inputs[0]
        let phases = phases(operation)
        var size = ByteCount(subject: context.node)
        for element in 0..<form.elements {
            try size.add(
                form.takesPairs ? 2 : 4, phases.range(of: element).count, input.planes * channelBlock,
                context.output.planes * channelBlock)
        }
        return size.bytes
    }

    func scratchCount(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int { WinogradTiling(form, phases(operation), context).scratchCount }

    private func phases(_ operation: Convolution2D) -> WinogradPhases {
        WinogradPhases(stride: operation.geometry.strideHeight)
    }

    func step(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> any Step {
        guard let kernel = productKernel(operation.geometry) else {
            throw EngineError(.internalError, context.node, "\(name) without a kernel for its products")
        }
        return try WinogradStep(form, operation, kernel, context)
    }
}
