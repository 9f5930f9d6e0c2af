/// A step, and zeros around its output before it, where another tensor used the memory: whoever reads the output finds
/// them there, whatever the step does.
struct HaloClearing: Step {
    private let step: any Step
    private let output: TensorPlacement

    /// The step itself where its output's halo stays zero.
    static func around(_ step: any Step, output: TensorPlacement) -> any Step {
        output.clearsHalo ? HaloClearing(step: step, output: output) : step
    }

    func passes(images: Int, parts: Int) -> Int { step.passes(images: images, parts: parts) }

    func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> { step.weightsRead(by: part) }

    var linesAhead: Int { step.linesAhead }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        for image in images where part.isFirst && part.pass == 0 {
            output.clearHalo(at: context.image(image, of: output))
        }
        step.run(context, images: images, part: part)
    }
}
