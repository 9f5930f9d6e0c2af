import Diagnostics
import Kernels
import Tensors

/// Winograd's F(4×4, 3×3), with stride 2 on the phases of the input.
struct WinogradCandidate: ConvolutionCandidate {
    let table: KernelTable
    /// What options say about the 1×1 kernels of its products.
    var filter = KernelFilter()

    var name: String { "winograd4x4.f32.\(table.isa)" }
    var numericClass: NumericClass { .winograd4x4 }

    func support(_ layer: ConvolutionLayer) -> KernelSupport {
        rejection(layer.geometry, isPlanar: layer.isPlanar).map { .no(reason: $0) } ?? .yes
    }

    /// Channel pairs at stride 2, 40 MiB of packed weights: of more, these cost more than they gain.
    private static let channelPairLimit = 256 * 512

    /// Why F(4×4, 3×3) cannot compute a convolution.
    private func rejection(_ g: Convolution2D.Geometry, isPlanar: Bool) -> String? {
        if (g.kernelHeight, g.kernelWidth) != (3, 3) {
            return "\(g.kernelHeight)x\(g.kernelWidth), takes 3x3"
        }
        if g.strideHeight != g.strideWidth || g.strideHeight > 2 {
            return "stride \(g.strideHeight)x\(g.strideWidth), takes 1x1 and 2x2"
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
        let products = ConvolutionLayer(pointwise, height: 1, width: 1, isPlanar: false)
        let left = table.convolutions.filter { kernel in
            let candidate = DirectCandidate(kernel: kernel, lanes: table.lanes)
            return candidate.numericClass == .direct && candidate.support(products) == .yes
                && filter.forbids(kernel.name) == nil
        }
        return left.first { filter.chooses($0.name) } ?? left.first
    }

    /// Transforms of some 150 cycles a vector of a tile; and the products, while which the weights are read, once for all
    /// images that a step takes at once: at some 4 bytes a cycle, unless they stay in a second-level cache of the usual
    /// size.
    func cycles(_ layer: ConvolutionLayer) -> Double {
        let output = layer.outputShape
        let (rows, columns) = (WinogradSide(output.height), WinogradSide(output.width))
        let phases = WinogradPhases(stride: layer.geometry.strideHeight)
        // Elements of all tiles, of all phases: edge tiles have fewer.
        func elements(_ side: WinogradSide) -> Double {
            Double(phases.stride == 1 ? side.elements() : side.elements(taps: 2) + side.elements(taps: 1))
        }
        let all = elements(rows) * elements(columns)
        let tiles = Double(rows.elements()) * Double(columns.elements()) / Double(WinogradWeights.elements)
        let pairs = layer.channelPairs(layer.geometry)
        let channels =
            phases.count * blocks(ofChannels: layer.geometry.inputChannels)
            + blocks(ofChannels: layer.geometry.outputChannels)
        let vectors = Double(channels) * Double(channelBlock) / Double(table.lanes)
        let elementsOfAll = (0..<WinogradWeights.elements).reduce(0) { $0 + phases.range(of: $1).count }
        let weightBytes = 4 * Double(elementsOfAll) * pairs
        let reading =
            weightBytes > 524_288 ? weightBytes / 4 / Double(Convolution2D.imagesAtOnce(output: output)) : 0
        return 150 * tiles * vectors + max(pairs * all / Double(2 * table.lanes), reading)
    }

    func packedBytes(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        let input = context.inputs[0]
        let phases = phases(operation)
        var size = ByteCount(subject: context.node)
        for element in 0..<WinogradWeights.elements {
            try size.add(
                4, phases.range(of: element).count, input.planes * channelBlock,
                context.output.planes * channelBlock)
        }
        return size.bytes
    }

    func scratchCount(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int { WinogradTiling(phases(operation), context).scratchCount }

    private func phases(_ operation: Convolution2D) -> WinogradPhases {
        WinogradPhases(stride: operation.geometry.strideHeight)
    }

    func step(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> any Step {
        guard let kernel = productKernel(operation.geometry) else {
            throw EngineError(.internalError, context.node, "\(name) without a kernel for its products")
        }
        return try WinogradStep(operation, kernel, context)
    }
}
