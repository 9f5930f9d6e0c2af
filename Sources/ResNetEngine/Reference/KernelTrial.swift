import Diagnostics
import Kernels
import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One kernel on one seeded problem, compared with the reference.
struct KernelTrial {
    /// The largest error as a share of what rounding explains, or what went wrong otherwise.
    enum Result {
        case error(Double)
        case broken(String)
    }

    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// A convolution of one image. Everything but the places that it may read is a canary.
    ///
    /// - Parameter caches: small caches cut loops and reductions that are too small to be cut otherwise.
    mutating func convolution(
        _ candidate: any ConvolutionCandidate, _ problem: ConvolutionLayer, table: KernelTable,
        caches: WorkerCaches
    ) throws(EngineError) -> Result {
        let g = problem.geometry
        let weight = try random.tensor(g.weightShape)
        var operation = try Convolution2D(
            g, weight: problem.inputPrecision == .bfloat16 ? weight.narrowed : weight,
            bias: problem.hasBias ? random.tensor([g.outputChannels]) : nil,
            node: problem.description)
        operation.rectifies = problem.rectifies
        let input = FeatureShape(channels: g.inputChannels, height: problem.height, width: problem.width)
        let shape = try operation.outputShape([input], node: problem.description)
        operation.addsResidual = problem.residual != .none

        let memory = TrialMemory()
        let source = memory.reserve(
            input, problem.layout, halo: problem.layout.halo(max(g.paddingHeight, g.paddingWidth)))
        // Without halos, rows of a 1×1 convolution are taken as one.
        let layout = Layout.blocked(problem.outputPrecision)
        let target = memory.reserve(shape, layout, halo: shape.width % 2)
        let residual = problem.residual == .apart ? memory.reserve(shape, layout, halo: 2) : target
        let isNoted = candidate.notesStatistics && !problem.hasBias && !target.isNarrow
        let notes = isNoted ? memory.reserveNotes(shape) : nil
        let planning = StepPlanningContext(
            node: problem.description, table: table, inputs: [source, residual], output: target,
            coefficientOffset: nil, statistics: notes, caches: caches)
        memory.scratchCount = try candidate.scratchCount(operation, planning)
        let step = try candidate.step(operation, planning)
        let context = try memory.context()
        var inputs = [memory.fill(source, context, &random)]
        if problem.residual != .none { inputs.append(memory.fill(residual, halo: false, context, &random)) }
        if shape.height % 2 == 0 {
            step.run(context, images: 0..<1)
        } else {
            share(step, context)
        }
        if let failure = memory.failures.take() { return .broken("\(failure)") }

        let expected = operation.reference(inputs)
        let form = candidate.winogradForm
        let magnitude =
            form.map { operation.winogradMagnitude(inputs, $0) } ?? operation.magnitude(inputs)
        let accuracy: AccuracyClass =
            switch form {
            case .four: .winograd(terms: g.inputChannels)
            case .pairsOfTwo: .winogradOfPairs(terms: g.inputChannels)
            case nil: operation.accuracy
            }
        let written = [target] + (notes.map { [$0] } ?? [])
        if let damage = memory.damage(written, context) { return .broken(damage) }
        let result = memory.read(target, context)
        var worst = compare(result, expected, magnitude, accuracy, target.precision)
        if let notes, case .error(let error) = worst {
            let step = RowStatisticsStep(kernel: nil, notes: notes, input: target, offset: 0)
            switch try statistics(step, target, result, context) {
            case .error(let other): worst = .error(max(error, other))
            case .broken(let reason): worst = .broken(reason)
            }
        }
        return worst
    }

    /// Runs a step that makes the statistics of one image, and compares them with those of its values.
    private func statistics(
        _ step: any Step, _ placement: TensorPlacement, _ values: ReferenceTensor, _ context: StepContext
    ) throws(EngineError) -> Result {
        let channels = placement.planes * channelBlock
        let results = try AlignedBuffer<Double>(count: 2 * channels)
        var context = context
        context.statistics = results.pointer
        step.run(context, images: 0..<1)
        let area = Double(placement.shape.height * placement.shape.width)
        var worst = 0.0
        for c in 0..<placement.shape.channels {
            var (sum, largest, moment) = (0.0, 0.0, 0.0)
            values.forEach(channel: c) {
                sum += $0
                largest = max(largest, abs($0))
            }
            values.forEach(channel: c) { moment += ($0 - sum / area) * ($0 - sum / area) }
            let errors = [
                abs(results.pointer[c] - sum / area) / (largest * 2e-6 + 1e-30),
                abs(results.pointer[channels + c] - moment)
                    / (moment * 1e-4 + area * largest * largest * 1e-9 + 1e-30),
            ]
            guard errors.allSatisfy(\.isFinite) else {
                return .broken("statistics of channel \(c) are not finite")
            }
            worst = max(worst, errors[0], errors[1])
        }
        return .error(worst)
    }

    /// A linear layer on several rows.
    mutating func linear(
        rows: Int, input shape: FeatureShape, outputs: Int, rectifies: Bool, precision: Precision,
        table: KernelTable
    ) throws(EngineError) -> Result {
        let name = "linear:n\(rows)\(shape),o\(outputs)"
        let weight = try random.tensor([outputs, shape.elementCount])
        var operation = try Linear(
            weight: precision == .bfloat16 ? weight.narrowed : weight, bias: random.tensor([outputs]),
            node: name)
        operation.rectifies = rectifies
        operation.addsResidual = rows % 2 == 0
        let memory = TrialMemory()
        let source = memory.reserve(shape, .blocked(precision), halo: 1, images: rows)
        let target = memory.reserve(FeatureShape(channels: outputs), halo: 0, images: rows)
        let residual =
            operation.addsResidual ? memory.reserve(target.shape, halo: 0, images: rows) : nil
        let step = try operation.step(
            StepPlanningContext(
                node: name, table: table, inputs: [source] + (residual.map { [$0] } ?? []), output: target,
                coefficientOffset: nil))
        let context = try memory.context()
        var inputs = [memory.fill(source, images: rows, halo: false, context, &random)]
        if let residual {
            inputs.append(memory.fill(residual, images: rows, halo: false, context, &random))
        }
        step.run(context, images: 0..<rows)
        if let damage = memory.damage([target], images: rows, context) { return .broken(damage) }
        return compare(
            memory.read(target, images: rows, context), operation.reference(inputs),
            operation.magnitude(inputs), operation.accuracy)
    }

    /// A sum of normalised maps, in place of its first input if `overwrites`.
    mutating func affine(
        _ shape: FeatureShape, terms: Int, rectifies: Bool, overwrites: Bool, table: KernelTable
    ) throws(EngineError) -> Result {
        var normalizations: [BatchNormalization?] = []
        for term in 0..<terms {
            let normalization = try BatchNormalization(
                module: "trial", mode: .running, epsilon: 1e-5, momentum: 0.1,
                weight: random.tensor([shape.channels]),
                bias: random.tensor([shape.channels]), runningMean: random.tensor([shape.channels]),
                runningVariance: random.tensor([shape.channels], in: 0.5...2))
            normalizations.append(term == 1 && shape.channels % 2 == 0 ? nil : normalization)
        }
        let operation = ChannelAffineSum(normalizations: normalizations, rectifies: rectifies)
        let memory = TrialMemory()
        let sources = (0..<terms).map { memory.reserve(shape, halo: $0) }
        let target = overwrites ? sources[0] : memory.reserve(shape, halo: 1)
        let step = try ChannelAffineStep(
            operation,
            StepPlanningContext(
                node: "affine", table: table, inputs: sources, output: target, coefficientOffset: nil))
        let context = try memory.context()
        var inputs: [ReferenceTensor] = []
        for source in sources { inputs.append(memory.fill(source, halo: false, context, &random)) }
        step.run(context, images: 0..<1)
        if let damage = memory.damage([target], context) { return .broken(damage) }
        let magnitude = inputs[0].map { _ in 8 }
        return compare(memory.read(target, context), operation.reference(inputs), magnitude, .rounding)
    }

    /// Mean and moment of a map, far from zero so that cancellation would show.
    mutating func statistics(_ shape: FeatureShape, table: KernelTable) throws(EngineError) -> Result {
        let memory = TrialMemory()
        let source = memory.reserve(shape, halo: 1)
        let notes = memory.reserveNotes(shape)
        let context = try memory.context()
        var input = memory.fill(source, halo: false, context, &random)
        let offset: Float = 100
        for c in 0..<source.planes * channelBlock {
            for h in 0..<shape.height {
                for w in 0..<shape.width {
                    let at = c / channelBlock * source.planeStride + h * source.rowStride
                    context.origin(0, of: source)[at + w * channelBlock + c % channelBlock] += offset
                }
            }
        }
        input = memory.read(source, context)
        let step = RowStatisticsStep(kernel: table.rowStatistics, notes: notes, input: source, offset: 0)
        return try statistics(step, source, input, context)
    }

    /// A pooling of a map.
    mutating func pooling(
        _ operation: Pooling, _ shape: FeatureShape, from input: Precision, to output: Precision,
        table: KernelTable
    ) throws(EngineError) -> Result {
        let memory = TrialMemory()
        let source = memory.reserve(shape, .blocked(input), halo: 1)
        let target = memory.reserve(
            try operation.outputShape([shape], node: "trial"), .blocked(output), halo: 1)
        let step = PoolingStep(
            operation,
            StepPlanningContext(
                node: "trial", table: table, inputs: [source], output: target, coefficientOffset: nil))
        let context = try memory.context()
        let input = memory.fill(source, halo: false, context, &random)
        step.run(context, images: 0..<1)
        if let damage = memory.damage([target], context) { return .broken(damage) }
        return compare(
            memory.read(target, context), operation.reference([input]),
            operation.reference([input.map(abs)]), operation.accuracy, output)
    }

    /// A 3×3 convolution at stride 2 and a maximum pooling of its result, which has `shape`.
    mutating func pooledConvolution(
        _ pooling: Pooling, _ shape: FeatureShape, table: KernelTable, caches: WorkerCaches
    ) throws(EngineError) -> Result {
        let geometry = Convolution2D.Geometry(
            inputChannels: 3, outputChannels: shape.channels, kernel: 3, stride: 2, padding: 1)
        var convolution = try Convolution2D(
            geometry, weight: random.tensor(geometry.weightShape), bias: random.tensor([shape.channels]),
            node: "trial")
        convolution.rectifies = shape.width % 2 == 0
        let operation = PooledConvolution(convolution: convolution, pooling: pooling)
        let memory = TrialMemory()
        let source = memory.reserve(
            FeatureShape(channels: 3, height: 2 * shape.height, width: 2 * shape.width), .planar, halo: 1)
        let target = memory.reserve(try operation.outputShape([source.shape], node: "trial"), halo: 1)
        let planning = StepPlanningContext(
            node: "trial", table: table, inputs: [source], output: target, coefficientOffset: nil,
            caches: caches)
        memory.scratchCount = try operation.scratchCount(planning)
        let step = try PooledConvolutionStep(operation, planning)
        let context = try memory.context()
        let input = memory.fill(source, context, &random)
        // In parts, as workers that share an image do.
        share(step, context)
        if let damage = memory.damage([target], context) { return .broken(damage) }
        let magnitude = pooling.reference([convolution.magnitude([input])])
        return compare(
            memory.read(target, context), operation.reference([input]), magnitude, convolution.accuracy)
    }

    /// An operation on inputs of these shapes, in two parts as workers that share an image do.
    mutating func operation(
        _ operation: any PlannableOperation, _ shapes: [FeatureShape], table: KernelTable
    ) throws(EngineError) -> Result {
        let memory = TrialMemory()
        var sources: [TensorPlacement] = []
        for (index, shape) in shapes.enumerated() {
            let requirement = operation.requirement(ofInput: index, shapes: shapes)
            sources.append(memory.reserve(shape, halo: requirement.halo))
        }
        let shape = try operation.outputShape(shapes, node: "trial")
        try shape.check(subject: "trial")
        let overwrites =
            shapes[0].channels % 2 == 0 && shape == shapes[0]
            && operation.requirement(ofInput: 0, shapes: shapes).overwritable
        let target = overwrites ? sources[0] : memory.reserve(shape, halo: 1)
        let planning = StepPlanningContext(node: "trial", table: table, inputs: sources, output: target)
        _ = try operation.kernelChoice(planning)
        memory.scratchCount = try operation.scratchCount(planning)
        let step = try operation.step(planning)
        let context = try memory.context()
        var inputs: [ReferenceTensor] = []
        for source in sources { inputs.append(memory.fill(source, halo: source.halo > 0, context, &random)) }
        share(step, context)
        if let failure = memory.failures.take() { return .broken("\(failure)") }
        if let damage = memory.damage([target], context) { return .broken(damage) }
        let expected = operation.reference(inputs)
        guard expected.shape == shape else { return .broken("reference of shape \(expected.shape)") }
        let largest = (inputs.map(\.values) + [expected.values]).joined().reduce(0) { max($0, abs($1)) }
        return compare(
            memory.read(target, context), expected, expected.map { _ in largest }, operation.accuracy)
    }

    // MARK: -

    /// One image, in parts as workers that share it do.
    private func share(_ step: any Step, _ context: StepContext) {
        let division = StepDivision(step, images: 1, workers: 1)
        for index in 0..<division.count {
            let (images, part) = division[index, of: 0..<1]
            step.run(context, images: images, part: part)
        }
    }

    /// - Parameters:
    ///   - magnitude: the sum of the absolute values of each output's terms: rounding errors grow with it.
    ///   - precision: of the result.
    private func compare(
        _ result: ReferenceTensor, _ expected: ReferenceTensor, _ magnitude: ReferenceTensor,
        _ accuracy: AccuracyClass, _ precision: Precision = .float32
    ) -> Result {
        let unit =
            switch accuracy {
            case .exact: 0.0
            case .rounding: 6 * 0x1p-24
            case .sum(let terms): 0x1p-24 * (4 + 2 * Double(terms).squareRoot())
            // Transforms round up to 8 times on the way in and 8 on the way out, and weights once.
            case .winograd(let terms): 0x1p-24 * (4 + 2 * Double(terms + 17).squareRoot())
            // Nine products or more an output, whose two factors are each off by half a unit at most.
            case .winogradOfPairs(let terms): 0x1p-8 * min(1, 8 / Double(9 * terms).squareRoot())
            }
        var worst = 0.0
        for index in expected.values.indices {
            let rounding = precision == .bfloat16 ? 0x1p-8 * abs(expected.values[index]) : 0
            let error =
                abs(result.values[index] - expected.values[index])
                / (unit * magnitude.values[index] + rounding + 1e-30)
            guard error.isFinite else { return .broken("output \(index) is \(result.values[index])") }
            worst = max(worst, error)
        }
        return .error(worst)
    }
}

extension ConvolutionCandidate {
    /// The algorithm whose sums and differences the candidate rounds, a plugin's too.
    fileprivate var winogradForm: WinogradForm? {
        (self as? WinogradCandidate)?.form ?? (numericClass == .winograd4x4 ? .four : nil)
    }
}

extension Convolution2D {
    /// For each output, the sum of the absolute values of its terms.
    func magnitude(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        var copy = self
        copy.rectifies = false
        copy.weight = weight.absolute
        copy.bias = bias.absolute
        return copy.reference(inputs.map { $0.map(abs) })
    }
}

extension Linear {
    /// For each output, the sum of the absolute values of its terms.
    func magnitude(_ inputs: [ReferenceTensor]) -> ReferenceTensor {
        guard var copy = try? Linear(weight: weight.absolute, bias: bias.absolute, node: "") else {
            return inputs[0]
        }
        copy.addsResidual = addsResidual
        return copy.reference(inputs.map { $0.map(abs) })
    }
}

extension Tensor {
    fileprivate var absolute: Tensor { map(abs) }
    /// Rounded to bfloat16.
    fileprivate var narrowed: Tensor { map { Float(bfloat16: $0.bfloat16) } }

    private func map(_ transform: (Float) -> Float) -> Tensor {
        var copy = self
        try? copy.withMutableElements { elements throws(EngineError) in
            for index in elements.indices { elements[index] = transform(elements[index]) }
        }
        return copy
    }
}
