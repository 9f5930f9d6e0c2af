import Diagnostics
import Kernels
import Tensors

/// Convolution by its definition with one kernel of an instruction set's table.
struct DirectCandidate: ConvolutionCandidate {
    let kernel: ConvolutionKernel
    /// Floats in a vector.
    let lanes: Int

    var name: String { kernel.name }
    var numericClass: NumericClass {
        if isReference { return NumericClass("reference", keepsDefinition: true) }
        // Instructions for pairs round as they like.
        return kernel.takesPairs ? NumericClass("pairs of \(kernel.isa)", keepsDefinition: true) : .direct
    }

    private var isReference: Bool { kernel.name == ReferenceConvolution.kernel.name }

    func support(_ layer: ConvolutionLayer) -> KernelSupport {
        switch kernel.supports(layer.kernelProblem) {
        case .yes: .yes
        case .no(let reason): .no(reason: reason)
        }
    }

    /// The reference takes some ten cycles for one of a number.
    func cycles(_ layer: ConvolutionLayer) -> Double {
        let groups = GroupBundles(layer.geometry)
        let output = layer.outputShape
        let products =
            Double(groups.count) * layer.channelPairs(groups.geometry)
            * Double(groups.geometry.kernelHeight * groups.geometry.kernelWidth)
            * Double(output.height) * Double(output.width)
        return isReference ? 10 * products : products / (kernel.vectorsPerCycle * Double(lanes))
    }

    func packedBytes(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> Int {
        let geometry = operation.geometry
        let input = context.inputs[0]
        let groups = GroupBundles(geometry)
        let view = GroupBundles.view(input, channels: groups.geometry.inputChannels)
        var size = ByteCount(subject: context.node)
        try size.add(
            4, ReductionOrder(groups.geometry, view).terms(in: view), context.output.planes * channelBlock)
        return size.bytes
    }

    func step(
        _ operation: Convolution2D, _ context: StepPlanningContext
    ) throws(EngineError) -> any Step {
        try ConvolutionStep(operation, kernel, context)
    }
}

extension ConvolutionLayer {
    /// Pairs of input and output channels, whole blocks of them.
    func channelPairs(_ geometry: Convolution2D.Geometry) -> Double {
        let inputs =
            isPlanar ? geometry.inputChannels : blocks(ofChannels: geometry.inputChannels) * channelBlock
        return Double(inputs) * Double(blocks(ofChannels: geometry.outputChannels) * channelBlock)
    }
}
