import Diagnostics
import Kernels
import Tensors

/// A layer's step, its weights and feature maps for several images filled with seeded random numbers.
struct PreparedLayer {
    let step: any Step
    let kernel: KernelChoice
    /// Floating-point operations of one image.
    let flops: Int
    let context: StepContext
    let output: TensorPlacement
    /// Floats of the inputs of all images, which lie before everything else in `features`.
    let inputCount: Int
    /// The memory behind `context`.
    let features: AlignedBuffer<Float>
    let scratch: AlignedBuffer<Float>
    /// What the step failed with is here.
    let failures = StepFailures()

    init(
        _ problem: LayerProblem, images: Int, table: KernelTable, caches: WorkerCaches,
        candidates: ConvolutionCandidates, seed: UInt64
    ) throws(EngineError) {
        var random = SeededRandom(seed: seed)
        var places = Places(images: images, node: "\(problem)")
        let operation: any PlannableOperation
        let (input, residual): (TensorPlacement, TensorPlacement?)
        var output: TensorPlacement
        let halo = problem.clearedHalo
        switch problem.layer {
        case .convolution(let layer):
            // Before weights are drawn for a map that cannot be.
            try layer.input.check(subject: places.node)
            var convolution = try layer.operation(&random, node: places.node)
            var shape = try convolution.outputShape([layer.input], node: places.node)
            convolution.addsResidual = layer.residual != .none
            if let window = layer.pooling {
                guard layer.residual == .none else {
                    throw EngineError(
                        .badData, places.node, "a residual and a pooling", expected: "one of them")
                }
                let pooling = try Pooling(.maximum, window, node: places.node)
                shape = try pooling.outputShape([shape], node: places.node)
                operation = PooledConvolution(convolution: convolution, pooling: pooling)
            } else {
                operation = convolution
            }
            // A padded layer is taken to feed another one.
            let padding = max(layer.geometry.paddingHeight, layer.geometry.paddingWidth)
            input = try places.place(layer.input, layer.layout, halo: layer.layout.halo(padding))
            let blocked = Layout.blocked(layer.outputPrecision)
            output = try places.place(shape, blocked, halo: max(halo, min(padding, 1)))
            switch layer.residual {
            case .none: residual = nil
            case .inPlace: residual = output
            case .apart: residual = try places.place(shape, blocked, halo: 0)
            }
        case .linear(let layer):
            try layer.input.check(subject: places.node)
            operation = try layer.operation(&random, node: places.node)
            input = try places.place(layer.input, .blocked(layer.precision), halo: 0)
            let shape = FeatureShape(channels: layer.outputs)
            output = try places.place(shape, .blocked, halo: halo)
            residual = layer.addsResidual ? try places.place(shape, .blocked, halo: 0) : nil
        case .pooling(let layer):
            try layer.input.check(subject: places.node)
            let pooling = try Pooling(layer.kind, layer.window, node: places.node)
            operation = pooling
            input = try places.place(layer.input, .blocked(layer.inputPrecision), halo: 0)
            output = try places.place(
                pooling.outputShape([layer.input], node: places.node), .blocked(layer.outputPrecision),
                halo: halo)
            residual = nil
        }
        output.clearsHalo = halo > 0
        self.output = output
        inputCount = input.elementCount * images
        let context = StepPlanningContext(
            node: places.node, table: table, inputs: [input] + (residual.map { [$0] } ?? []), output: output,
            caches: caches, candidates: candidates)
        kernel = try operation.kernelChoice(context)
        try candidates.checkAllowed(kernel.name, node: places.node)
        flops = operation.cost([input.shape] + (residual.map { [$0.shape] } ?? [])).flops
        step = HaloClearing.around(try operation.step(context), output: output)
        features = try AlignedBuffer(count: places.size, subject: places.node)
        scratch = try AlignedBuffer(count: try operation.scratchCount(context), subject: places.node)
        var stepContext = StepContext(
            input: UnsafePointer(features.pointer), output: features.pointer, slotArena: features.pointer,
            batchArena: features.pointer, batchCapacity: 1,
            statistics: UnsafeMutableRawPointer(features.pointer).assumingMemoryBound(to: Double.self),
            coefficients: features.pointer, scratch: scratch.pointer, jointScratch: scratch.pointer)
        stepContext.failures = Unmanaged.passUnretained(failures)
        self.context = stepContext
        for placement in [input] + (residual.map { [$0] } ?? []) {
            var image = [Float](repeating: 0, count: placement.shape.elementCount)
            for index in 0..<images {
                for at in image.indices { image[at] = Float.random(in: -1...1, using: &random) }
                MapCopy.pack(image, into: self.context.origin(index, of: placement), placement)
            }
        }
    }

    /// Places maps one after the other.
    private struct Places {
        let images: Int
        let node: String
        private(set) var size = 0

        init(images: Int, node: String) {
            self.images = images
            self.node = node
        }

        mutating func place(
            _ shape: FeatureShape, _ layout: Layout, halo: Int
        ) throws(EngineError) -> TensorPlacement {
            var bytes = ByteCount(subject: node)
            try bytes.add(
                4, images, shape.channels + channelBlock, shape.height + 2 * halo, shape.width + 2 * halo)
            let placement = TensorPlacement(
                shape: shape, layout: layout, halo: halo, scope: .worker,
                images: TensorPlacement.capacity(images: images), offset: size)
            size += placement.elementCount * images
            return placement
        }
    }
}

extension ConvolutionLayer {
    fileprivate func operation(
        _ random: inout SeededRandom, node: String
    ) throws(EngineError) -> Convolution2D {
        var operation = try Convolution2D(
            geometry, weight: random.weights(geometry.weightShape),
            bias: hasBias ? random.tensor([geometry.outputChannels]) : nil, node: node)
        operation.rectifies = rectifies
        return operation
    }
}

extension LinearLayer {
    fileprivate func operation(_ random: inout SeededRandom, node: String) throws(EngineError) -> Linear {
        var operation = try Linear(
            weight: random.weights([outputs, input.elementCount]), bias: random.tensor([outputs]), node: node)
        operation.addsResidual = addsResidual
        operation.rectifies = rectifies
        return operation
    }
}

extension SeededRandom {
    /// Random weights, outputs first, of a variance that keeps features near 1.
    fileprivate mutating func weights(_ shape: [Int]) throws(EngineError) -> Tensor {
        let terms = shape.dropFirst().reduce(Float(1)) { $0 * Float($1) }
        let bound = (3 / terms).squareRoot()
        return try tensor(shape, in: -bound...bound)
    }
}
