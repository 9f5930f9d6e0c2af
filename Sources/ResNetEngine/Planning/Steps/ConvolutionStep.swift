import Diagnostics
import Kernels

/// A convolution by its definition.
struct ConvolutionStep: Step {
    private let convolution: PackedConvolution
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let statistics: TensorPlacement?
    /// Whether parts are cut by panels of weights: those of rows would each read all of them.
    private let cutsPanels: Bool
    /// Notes statistics where there are several bundles of groups, each of which sees but a part of the channels.
    private let rowStatistics: (@Sendable (UnsafePointer<RowStatisticsCall>) -> Void)?

    init(
        _ operation: Convolution2D, _ kernel: ConvolutionKernel, _ context: StepPlanningContext
    ) throws(EngineError) {
        input = context.inputs[0]
        output = context.output
        statistics = context.statistics
        residual = operation.addsResidual ? context.inputs[1] : nil
        convolution = try PackedConvolution(
            operation, kernel, input: input, output: output, residual: residual,
            notesStatistics: statistics != nil, context)
        cutsPanels =
            statistics == nil && convolution.panelCount >= 4
            && convolution.weightCount > input.planes * input.planeStride
        rowStatistics =
            statistics != nil && convolution.bundleCount > 1 ? context.table.rowStatistics : nil
    }

    /// Those of the panels that a part computes, where each weight serves the pixels of few tiles.
    func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> {
        guard cutsPanels, output.shape.height * output.shape.width <= 64 else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return convolution.weights(ofPanels: part.rows(of: convolution.panelCount))
    }

    var linesAhead: Int { convolution.linesAhead }

    /// A part of the panels of weights, where these are more to read than the input.
    private func runPanels(_ context: StepContext, _ images: Range<Int>, _ part: StepPart) {
        for image in images {
            convolution.run(
                PackedConvolution.Maps(
                    input: UnsafePointer(context.origin(image, of: input)),
                    residual: residual.map { UnsafePointer(context.origin(image, of: $0)) },
                    output: context.origin(image, of: output), linesAhead: context.linesAhead),
                panels: part.rows(of: convolution.panelCount))
        }
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        if part.count > 1, cutsPanels { return runPanels(context, images, part) }
        let rows = part.rows(of: output.shape.height)
        for image in images {
            let maps = PackedConvolution.Maps(
                input: UnsafePointer(context.origin(image, of: input)),
                residual: residual.map { UnsafePointer(context.origin(image, of: $0)) },
                output: context.origin(image, of: output),
                statistics: rowStatistics == nil ? statistics.map { context.image(image, of: $0) } : nil,
                linesAhead: context.linesAhead)
            convolution.run(maps, rows: rows)
            if let rowStatistics, let statistics {
                var call = RowStatisticsCall(
                    output, at: context.origin(image, of: output),
                    notes: context.image(image, of: statistics), rows: rows)
                rowStatistics(&call)
            }
        }
    }
}
