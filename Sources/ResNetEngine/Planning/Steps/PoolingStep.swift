import Kernels

/// A pooling of a map that lies in memory as a whole.
struct PoolingStep: Step {
    private let kernel: @Sendable (UnsafePointer<PoolingCall>) -> Void
    private let window: PoolingWindow
    private let input: TensorPlacement
    private let output: TensorPlacement

    init(_ operation: Pooling, _ context: StepPlanningContext) {
        kernel = operation.kind == .maximum ? context.table.maximumPooling : context.table.meanPooling
        input = context.inputs[0]
        output = context.output
        window = operation.window(in: input.shape)
    }

    static func kernelName(_ kind: Pooling.Kind, _ table: KernelTable) -> String {
        "\(kind == .maximum ? "maxpool" : "meanpool").f32.1x16.\(table.isa)"
    }

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let rows = part.rows(of: output.shape.height)
        for image in images {
            var call = PoolingCall(
                window, input: context.origin(image, of: input), input, height: input.shape.height,
                output: context.origin(image, of: output), output, rows: rows)
            kernel(&call)
        }
    }
}

extension PoolingCall {
    /// Output rows `rows` of a map of `height` rows, laid out as `source`, whose pixel (0, 0) would lie at `input`.
    init(
        _ window: PoolingWindow, input: UnsafePointer<Float>, _ source: TensorPlacement, height: Int,
        output: UnsafeMutablePointer<Float>, _ target: TensorPlacement, rows: Range<Int>
    ) {
        self.init(
            input: input, inputRowStride: source.rowStride, inputBlockStride: source.planeStride,
            inputHeight: height, inputWidth: source.shape.width, output: output,
            outputRowStride: target.rowStride, outputBlockStride: target.planeStride,
            outputWidth: target.shape.width, firstRow: rows.lowerBound, rows: rows.count,
            blocks: target.planes, kernelHeight: window.kernelHeight, kernelWidth: window.kernelWidth,
            strideHeight: window.strideHeight, strideWidth: window.strideWidth,
            paddingHeight: window.paddingHeight, paddingWidth: window.paddingWidth,
            inputIsNarrow: source.isNarrow, outputIsNarrow: target.isNarrow)
    }
}
