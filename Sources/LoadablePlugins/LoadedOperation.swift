import CEnginePlugin
import ResNetEngine

/// An operation behind a plugin's functions, which may run at the same time.
struct LoadedOperation: PlannableOperation {
    let plugin: String
    let identifier: String
    let version: Int
    fileprivate let functions: Functions
    fileprivate let kernel: String
    private let inputCount: Int
    private let halo: Int
    private let terms: Int

    /// The functions, none missing.
    struct Functions: @unchecked Sendable {
        let user: UnsafeMutableRawPointer?
        let flags: UInt32
        let shape: re_operation_shape
        let cost: re_operation_cost
        let reference: re_operation_reference
        let run: re_operation_run
    }

    /// - Throws: `unavailable` naming the file and the operation for a description that is not whole.
    static func kind(
        _ pointer: UnsafePointer<re_operation>, plugin: String, _ path: String
    ) throws(EngineError) -> OperationKind {
        let description = pointer.pointee
        guard let identifier = PluginCall.text(description.identifier) else {
            throw PluginLibrary.refusal(path, "has an operation without a name", expected: "a name")
        }
        func refusal(_ found: String, _ expected: String) -> EngineError {
            PluginLibrary.refusal(path, "operation '\(identifier)' \(found)", expected: expected)
        }
        guard let shape = description.shape, let cost = description.cost,
            let reference = description.reference, let run = description.run
        else { throw refusal("lacks a function", "shape, cost, reference and run") }
        guard let kernel = PluginCall.text(description.kernel), Registry.isName(kernel),
            (1...8).contains(description.input_count),
            (0...1 << 16).contains(description.halo), description.terms >= 0,
            description.first_version >= 1, description.first_version <= description.last_version,
            description.last_version - description.first_version < 64
        else {
            throw refusal(
                "has an impossible description",
                "a kernel's name, 1 to 8 inputs, a halo of 0 to 65536, terms from 0, at most 64 versions from 1"
            )

        }
        let functions = Functions(
            user: description.user, flags: description.flags, shape: shape, cost: cost, reference: reference,
            run: run)
        let (inputCount, halo) = (Int(description.input_count), Int(description.halo))
        let terms = Int(clamping: description.terms)
        return OperationKind(
            identifier, versions: Int(description.first_version)...Int(description.last_version),
            isActivation: inputCount == 1
        ) { version in
            LoadedOperation(
                plugin: plugin, identifier: identifier, version: version, functions: functions,
                kernel: kernel,
                inputCount: inputCount, halo: halo, terms: terms)
        }
    }

    func outputShape(_ inputs: [FeatureShape], node: String) throws(EngineError) -> FeatureShape {
        guard inputs.count == inputCount else {
            throw error(.badData, node, "gets \(inputs.count) inputs", expected: "\(inputCount)")
        }
        var output = re_shape()
        let shapes = inputs.map { re_shape($0) }
        let failure = PluginCall.failure {
            functions.shape(functions.user, UInt32(version), shapes, &output, $0)
        }
        if let failure { throw error(.badData, node, "gives no shape for \(inputs), \(failure)") }
        guard let shape = FeatureShape(output) else {
            throw error(
                .badData, node, "gives shape (\(output.channels), \(output.height), \(output.width))",
                expected: "extents of 1 or more")
        }
        return shape
    }

    func cost(_ inputs: [FeatureShape]) -> Cost { Cost(flops: (try? flops(inputs, node: "")) ?? 0) }

    private func flops(_ inputs: [FeatureShape], node: String) throws(EngineError) -> Int {
        var flops: Int64 = 0
        let shapes = inputs.map { re_shape($0) }
        let failure = PluginCall.failure {
            functions.cost(functions.user, UInt32(version), shapes, &flops, $0)
        }
        if let failure { throw error(.unavailable, node, "gives no cost, \(failure)") }
        guard (0...1 << 44).contains(flops) else {
            throw error(.badData, node, "gives a cost of \(flops)", expected: "0 to 2^44")
        }
        return Int(flops)
    }

    var accuracy: AccuracyClass {
        switch terms {
        case 0: .exact
        case 1: .rounding
        default: .sum(terms: terms)
        }
    }

    /// Not a number where the plugin fails.
    func reference(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        guard let first = inputs.first, let shape = try? outputShape(inputs.map(\.shape), node: "") else {
            var result = inputs.first ?? ReferenceTensor(batch: 0, shape: FeatureShape(channels: 1))
            result.values = result.values.map { _ in .nan }
            return result
        }
        let shapes = inputs.map { re_shape($0.shape) }
        var result = ReferenceTensor(batch: first.batch, shape: shape)
        for image in 0..<first.batch {
            // Copies of one image of each input that live as long as the call.
            let values = inputs.map { input in
                let count = input.shape.elementCount
                let copy = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
                _ = copy.initialize(from: input.values[image * count..<(image + 1) * count])
                return copy
            }
            defer { values.forEach { $0.deallocate() } }
            let pointers = values.map { $0.baseAddress.map { UnsafePointer($0) } }
            var output = [Double](repeating: 0, count: shape.elementCount)
            let failure = PluginCall.failure {
                functions.reference(functions.user, UInt32(version), shapes, pointers, &output, $0)
            }
            if failure != nil { output = output.map { _ in .nan } }
            result.values.replaceSubrange(
                image * output.count..<(image + 1) * output.count, with: output)
        }
        return result
    }

    func requirement(ofInput index: Int, shapes: [FeatureShape]) -> InputRequirement {
        InputRequirement(
            halo: halo, overwritable: index == 0 && functions.flags & UInt32(RE_OVERWRITES) != 0)
    }

    var kernels: [String] { [kernel] }

    func kernelChoice(_ context: StepPlanningContext) throws(EngineError) -> KernelChoice {
        _ = try flops(context.inputs.map(\.shape), node: context.node)
        return KernelChoice(name: kernel)
    }

    func step(_ context: StepPlanningContext) throws(EngineError) -> any Step {
        LoadedOperationStep(
            operation: self, inputs: context.inputs, output: context.output, node: context.node)
    }

    fileprivate func error(
        _ code: EngineError.Code, _ node: String, _ found: String, expected: String = ""
    ) -> EngineError {
        EngineError(code, node, "plugin \(plugin): operation '\(identifier)' \(found)", expected: expected)
    }
}

/// One operation of a plugin, image by image.
private struct LoadedOperationStep: Step {
    let operation: LoadedOperation
    let inputs: [TensorPlacement]
    let output: TensorPlacement
    let node: String

    func run(_ context: StepContext, images: Range<Int>, part: StepPart) {
        let functions = operation.functions
        let height = output.shape.height
        let cuts = functions.flags & UInt32(RE_CUTS_ROWS) != 0
        let rows = cuts ? part.rows(of: height) : part.isFirst ? 0..<height : 0..<0
        for image in images {
            guard !rows.isEmpty else { continue }
            let overwritten = inputs.contains(output)
            // Once overwritten it cannot be looked at; other rows of it are other workers'.
            let wereModerate =
                overwritten && output.isModerate(context.origin(image, of: output), rows: rows)
            let failure = withUnsafeTemporaryAllocation(of: re_map.self, capacity: inputs.count) { maps in
                withUnsafeTemporaryAllocation(of: UnsafePointer<re_map>?.self, capacity: inputs.count) {
                    list in
                    for index in inputs.indices {
                        let origin = context.origin(image, of: inputs[index])
                        maps.initializeElement(at: index, to: re_map(inputs[index], origin: origin))
                        list.initializeElement(
                            at: index, to: maps.baseAddress.map { UnsafePointer($0 + index) })
                    }
                    var target = re_map(output, origin: context.origin(image, of: output))
                    return PluginCall.failure {
                        functions.run(
                            functions.user, UInt32(operation.version), list.baseAddress, &target,
                            Int64(rows.lowerBound),
                            Int64(rows.upperBound), $0)
                    }
                }
            }
            if let failure {
                return context.fail(operation.error(.unavailable, node, "ended with \(failure)"))
            }
            if output.holdsNaN(context.origin(image, of: output), rows: rows),
                !overwritten || wereModerate, isModerate(context, image)
            {
                return context.fail(
                    operation.error(.badData, node, "wrote NaN", expected: "numbers, as its inputs are"))
            }
        }
    }

    private func isModerate(_ context: StepContext, _ image: Int) -> Bool {
        inputs.allSatisfy {
            $0 == output || $0.isModerate(context.origin(image, of: $0), rows: 0..<$0.shape.height)
        }
    }
}
