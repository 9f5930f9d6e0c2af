import ResNetEngine

/// A convolution by oneDNN, image by image. It cannot be cut: the first part does all of it.
struct OneDNNStep: Step {
    private let primitive: OneDNNPrimitive
    private let features: OneDNNCandidate.Features
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let node: String

    init(
        _ primitive: OneDNNPrimitive, _ operation: Convolution2D, _ features: OneDNNCandidate.Features,
        _ context: StepPlanningContext
    ) {
        self.primitive = primitive
        self.features = features
        input = context.inputs[0]
        residual = operation.addsResidual ? context.inputs[1] : nil
        output = context.output
        node = context.node
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        guard part.isFirst else { return }
        for image in images {
            func start(_ placement: TensorPlacement) -> UnsafeMutablePointer<Float> {
                features == .engine
                    ? context.origin(image, of: placement) : context.image(image, of: placement)
            }
            let succeeded = primitive.run(
                input: start(input), residual: residual.map { UnsafePointer(start($0)) },
                output: start(output), scratch: context.scratch)
            guard succeeded else {
                return context.fail(
                    EngineError(.internalError, node, "oneDNN could not compute the convolution"))
            }
        }
    }
}
