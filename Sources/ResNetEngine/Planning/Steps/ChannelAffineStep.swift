import Diagnostics
import Kernels
import Tensors

/// A sum of per-channel affine maps. Its coefficients are constants, or made from the batch's statistics before
/// the phase begins.
struct ChannelAffineStep: Step {

    private let kernel: @Sendable (UnsafePointer<ChannelAffineCall>) -> Void
    /// Shift, scale and second scale, `stride` floats each.
    private let constants: AlignedBuffer<Float>?
    private let coefficientOffset: Int
    private let inputs: [TensorPlacement]
    private let output: TensorPlacement
    private let rectifies: Bool

    init(_ operation: ChannelAffineSum, _ context: StepPlanningContext) throws(EngineError) {
        kernel = context.table.channelAffine
        inputs = context.inputs
        output = context.output
        rectifies = operation.rectifies
        coefficientOffset = context.coefficientOffset ?? 0
        guard context.coefficientOffset == nil else {
            constants = nil
            return
        }
        let channels = output.shape.channels
        constants = try context.parameters(
            "coefficients", count: Self.coefficientCount(channels: channels)
        ) {
            Self.fill($0, channels: channels, operation.normalizations) { _, c, norm in
                norm.runningAffine(channel: c)
            }
        }
    }

    /// Floats of a step's coefficients.
    static func coefficientCount(channels: Int) -> Int { 3 * blocks(ofChannels: channels) * channelBlock }

    /// Writes shift, scale and second scale of every channel; padding lanes stay zero.
    static func fill(
        _ coefficients: UnsafeMutablePointer<Float>, channels: Int, _ normalizations: [BatchNormalization?],
        _ affine: (_ term: Int, _ channel: Int, BatchNormalization) -> (scale: Double, shift: Double)
    ) {
        let stride = blocks(ofChannels: channels) * channelBlock
        for channel in 0..<channels {
            var shift = 0.0
            for term in normalizations.indices {
                var map = (scale: 1.0, shift: 0.0)
                if let normalization = normalizations[term] { map = affine(term, channel, normalization) }
                shift += map.shift
                coefficients[(term + 1) * stride + channel] = Float(map.scale)
            }
            coefficients[channel] = Float(shift)
        }
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let coefficients = constants?.pointer ?? context.coefficients + coefficientOffset
        let stride = output.planes * channelBlock
        let rows = part.rows(of: output.shape.height)
        for image in images {
            func map(_ placement: TensorPlacement) -> ChannelAffineCall.Map {
                ChannelAffineCall.Map(
                    pointer: context.origin(image, of: placement) + rows.lowerBound * placement.rowStride,
                    rowStride: placement.rowStride, blockStride: placement.planeStride)
            }
            var call = ChannelAffineCall(
                output: map(output), first: map(inputs[0]), second: inputs.count > 1 ? map(inputs[1]) : nil,
                shift: coefficients, scale: coefficients + stride, secondScale: coefficients + 2 * stride,
                blocks: output.planes, height: rows.count, width: output.shape.width, rectifies: rectifies)
            kernel(&call)
        }
    }
}
