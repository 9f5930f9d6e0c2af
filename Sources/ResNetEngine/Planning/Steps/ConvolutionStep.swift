import Diagnostics
import Kernels

/// A convolution by its definition.
struct ConvolutionStep: Step {
    private let convolution: PackedConvolution
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let statistics: TensorPlacement?
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
        rowStatistics =
            statistics != nil && convolution.bundleCount > 1 ? context.table.rowStatistics : nil
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            let maps = PackedConvolution.Maps(
                input: UnsafePointer(context.origin(image, of: input)),
                residual: residual.map { UnsafePointer(context.origin(image, of: $0)) },
                output: context.origin(image, of: output),
                statistics: rowStatistics == nil ? statistics.map { context.image(image, of: $0) } : nil)
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
