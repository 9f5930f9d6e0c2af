import ResNetEngine

/// A convolution by oneDNN, image by image. It cannot be cut: the first part does all of it.
struct OneDNNStep: Step {
    private let primitive: OneDNNPrimitive
    private let features: OneDNNCandidate.Features
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement

    init(
        _ primitive: OneDNNPrimitive, _ operation: Convolution2D, _ features: OneDNNCandidate.Features,
        _ context: StepPlanningContext
    ) {
        self.primitive = primitive
        self.features = features
        input = context.inputs[0]
        residual = operation.addsResidual ? context.inputs[1] : nil
        output = context.output
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        for image in images {
            if output.clearsHalo { output.clearHalo(at: context.image(image, of: output)) }
            func start(_ placement: TensorPlacement) -> UnsafeMutablePointer<Float> {
                features == .engine
                    ? context.origin(image, of: placement) : context.image(image, of: placement)
            }
            let succeeded = primitive.run(
                input: start(input), residual: residual.map { UnsafePointer(start($0)) },
                output: start(output), scratch: context.scratch)
            if !succeeded { spoil(start(output)) }
        }
    }

    /// A step cannot fail: what oneDNN could not compute is not a number.
    private func spoil(_ origin: UnsafeMutablePointer<Float>) {
        for plane in 0..<output.planes {
            for row in 0..<output.shape.height {
                (origin + plane * output.planeStride + row * output.rowStride)
                    .update(repeating: .nan, count: output.shape.width * output.pixelStride)
            }
        }
    }
}
