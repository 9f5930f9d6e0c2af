import COneDNN
import ResNetEngine

/// A convolution that oneDNN has chosen an implementation and layouts for, and its weights once they are packed.
///
/// Immutable from then on: threads run it at the same time, each with scratch memory of its own.
final class OneDNNPrimitive: @unchecked Sendable {
    private let handle: OpaquePointer

    /// - Throws: `resource` when memory is refused, `internalError` for whatever else oneDNN refuses.
    init(
        _ operation: Convolution2D, _ features: OneDNNCandidate.Features, _ context: StepPlanningContext
    ) throws(EngineError) {
        var problem = conednn_problem(operation.geometry)
        problem.input = conednn_map(context.inputs[0])
        problem.output = conednn_map(context.output)
        if operation.addsResidual { problem.residual = conednn_map(context.inputs[1]) }
        problem.adds_residual = operation.addsResidual
        problem.rectifies = operation.rectifies
        problem.own_layout = features == .oneDNN
        var result: OpaquePointer?
        let status = conednn_create(&problem, &result)
        guard let result else { throw Self.error(status, context.node) }
        handle = result
        guard features == .engine || fits(context) else {
            throw EngineError(
                .internalError, context.node, "oneDNN's layout takes more room than the engine's")
        }
    }

    deinit { conednn_destroy(handle) }

    var packedBytes: Int { conednn_packed_bytes(handle) }
    /// Floats, whole cache lines.
    var scratchCount: Int { (conednn_scratch_bytes(handle) + 63) / 64 * 16 }

    /// Whether maps in oneDNN's layout have room where the engine's lie.
    private func fits(_ context: StepPlanningContext) -> Bool {
        func bytes(_ placement: TensorPlacement) -> Int { 4 * placement.planes * placement.planeStride }
        return conednn_input_bytes(handle) <= bytes(context.inputs[0])
            && conednn_output_bytes(handle) <= bytes(context.output)
    }

    /// - Throws: `resource` when memory is refused, `internalError` for whatever else oneDNN refuses.
    func pack(_ operation: Convolution2D, node: String) throws(EngineError) {
        let status = operation.weight.withElements { weights in
            operation.bias.withElements { bias in
                conednn_pack(handle, weights.baseAddress, bias.baseAddress)
            }
        }
        guard status == 0 else { throw Self.error(status, node) }
    }

    /// - Returns: false when oneDNN fails; the output then holds anything.
    func run(
        input: UnsafePointer<Float>, residual: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>
    ) -> Bool {
        conednn_run(handle, input, residual, output, scratch) == 0
    }

    private static func error(_ status: Int32, _ node: String) -> EngineError {
        // dnnl_out_of_memory
        EngineError(
            status == 1 ? .resource : .internalError, node,
            "oneDNN: \(String(cString: conednn_status_text(status)))")
    }
}

extension conednn_problem {
    fileprivate init(_ geometry: Convolution2D.Geometry) {
        self.init()
        kernel_height = Int64(geometry.kernelHeight)
        kernel_width = Int64(geometry.kernelWidth)
        stride_height = Int64(geometry.strideHeight)
        stride_width = Int64(geometry.strideWidth)
        padding_height = Int64(geometry.paddingHeight)
        padding_width = Int64(geometry.paddingWidth)
        dilation_height = Int64(geometry.dilationHeight)
        dilation_width = Int64(geometry.dilationWidth)
        groups = Int64(geometry.groups)
    }
}

extension conednn_map {
    fileprivate init(_ placement: TensorPlacement) {
        self.init(
            channels: Int64(placement.shape.channels), height: Int64(placement.shape.height),
            width: Int64(placement.shape.width), plane_stride: Int64(placement.planeStride),
            row_stride: Int64(placement.rowStride), blocked: placement.layout == .blocked)
    }
}
