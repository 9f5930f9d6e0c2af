import Diagnostics
import Kernels

/// Rows of a convolution into scratch memory, and from there through a pooling.
struct PooledConvolutionStep: Step {
    private let convolution: PackedConvolution
    private let kernel: @Sendable (UnsafePointer<PoolingCall>) -> Void
    private let window: PoolingWindow
    private let input: TensorPlacement
    private let output: TensorPlacement
    /// The rows of the map between them that are there at a time, and how many it has in all.
    private let band: TensorPlacement
    private let height: Int

    init(_ operation: PooledConvolution, _ context: StepPlanningContext) throws(EngineError) {
        input = context.inputs[0]
        output = context.output
        band = try Self.band(operation, context)
        let shape = try operation.middleShape([input.shape], node: context.node)
        height = shape.height
        window = operation.pooling.window(in: shape)
        kernel =
            operation.pooling.kind == .maximum ? context.table.maximumPooling : context.table.meanPooling
        convolution = try PackedConvolution(
            operation.convolution, PooledConvolution.kernel(operation, context).candidate.kernel,
            input: input, output: band, residual: nil, notesStatistics: false, context)
    }

    /// Some rows of the map between: as many as stay in half of the worker's own cache, and no fewer than a window has.
    static func band(
        _ operation: PooledConvolution, _ context: StepPlanningContext
    ) throws(EngineError) -> TensorPlacement {
        let shape = try operation.middleShape(context.inputs.map(\.shape), node: context.node)
        let window = operation.pooling.window(in: shape)
        var band = TensorPlacement(shape: shape, layout: .blocked, halo: 0, scope: .worker)
        let fitting = context.caches.last / 2 / max(4 * band.planes * band.rowStride, 1)
        // Whole strides, so that every band but the first has the same number of new rows.
        let strides = max((fitting - window.kernelHeight) / window.strideHeight, 0)
        band.shape.height = min(shape.height, window.kernelHeight + strides * window.strideHeight)
        return band
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            run(context, image, rows: rows)
        }
    }

    private func run(_ context: StepContext, _ image: Int, rows: Range<Int>) {
        let rowsAtOnce = max((band.shape.height - window.kernelHeight) / window.strideHeight, 0) + 1
        // Rows of the map between that are there.
        var there = 0..<0
        var first = rows.lowerBound
        while first < rows.upperBound {
            let end = min(first + rowsAtOnce, rows.upperBound)
            let needed = covered(first).lowerBound..<covered(end - 1).upperBound
            let kept = max(needed.lowerBound, there.lowerBound)..<max(needed.lowerBound, there.upperBound)
            keep(context.scratch, kept, of: there)
            // Where row 0 of the whole map would lie.
            let origin = context.scratch - needed.lowerBound * band.rowStride
            let missing = max(needed.lowerBound, there.upperBound)..<needed.upperBound
            convolution.run(
                PackedConvolution.Maps(input: context.origin(image, of: input), output: origin), rows: missing
            )
            var call = PoolingCall(
                window, input: origin, band, height: height, output: context.origin(image, of: output),
                output,
                rows: first..<end)
            kernel(&call)
            there = needed
            first = end
        }
    }

    /// The rows of the map between that an output row's windows cover.
    private func covered(_ row: Int) -> Range<Int> {
        let start = row * window.strideHeight - window.paddingHeight
        let first = max(start, 0)
        return first..<max(first, min(start + window.kernelHeight, height))
    }

    /// Moves rows that are needed again to the front.
    private func keep(_ scratch: UnsafeMutablePointer<Float>, _ kept: Range<Int>, of there: Range<Int>) {
        let offset = (kept.lowerBound - there.lowerBound) * band.rowStride
        guard offset > 0, !kept.isEmpty else { return }
        for plane in 0..<band.planes {
            let target = scratch + plane * band.planeStride
            target.update(from: target + offset, count: kept.count * band.rowStride)
        }
    }
}
