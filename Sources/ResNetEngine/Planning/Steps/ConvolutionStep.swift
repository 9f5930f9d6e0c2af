import Diagnostics
import Kernels

/// A convolution by its definition, bundle of groups by bundle.
struct ConvolutionStep: Step {
    private let bundles: [PackedConvolution]
    private let input: TensorPlacement
    private let residual: TensorPlacement?
    private let output: TensorPlacement
    private let statistics: TensorPlacement?
    /// Floats from one bundle's maps to the next one's.
    private let bundleStrides: (input: Int, residual: Int, output: Int)
    /// Notes statistics where there are several bundles, each of which sees but a part of the channels.
    private let rowStatistics: (@Sendable (UnsafePointer<RowStatisticsCall>) -> Void)?

    init(
        _ operation: Convolution2D, _ kernel: ConvolutionKernel, _ context: StepPlanningContext
    ) throws(EngineError) {
        let groups = GroupBundles(operation.geometry)
        input = context.inputs[0]
        output = context.output
        statistics = context.statistics
        residual = operation.addsResidual ? context.inputs[1] : nil
        let (inputs, outputs) = (groups.geometry.inputChannels, groups.geometry.outputChannels)
        let source = GroupBundles.view(input, channels: inputs)
        let target = GroupBundles.view(output, channels: outputs)
        let added = residual.map { GroupBundles.view($0, channels: outputs) }
        var bundles: [PackedConvolution] = []
        for bundle in 0..<groups.count {
            bundles.append(
                try PackedConvolution(
                    operation, kernel, bundle: bundle, input: source, output: target, residual: added,
                    notesStatistics: statistics != nil, context))
        }
        self.bundles = bundles
        bundleStrides = (
            source.planes * input.planeStride, target.planes * (residual?.planeStride ?? 0),
            target.planes * output.planeStride
        )
        rowStatistics = statistics != nil && groups.count > 1 ? context.table.rowStatistics : nil
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            if part.isFirst, output.clearsHalo { output.clearHalo(at: context.image(image, of: output)) }
            for (index, bundle) in bundles.enumerated() {
                let maps = PackedConvolution.Maps(
                    input: context.origin(image, of: input) + index * bundleStrides.input,
                    residual: residual.map {
                        UnsafePointer(context.origin(image, of: $0) + index * bundleStrides.residual)
                    },
                    output: context.origin(image, of: output) + index * bundleStrides.output,
                    statistics: rowStatistics == nil ? statistics.map { context.image(image, of: $0) } : nil)
                bundle.run(maps, rows: rows)
            }
            if let rowStatistics, let statistics {
                var call = RowStatisticsCall(
                    output, at: context.origin(image, of: output),
                    notes: context.image(image, of: statistics), rows: rows)
                rowStatistics(&call)
            }
        }
    }
}
