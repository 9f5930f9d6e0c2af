import Diagnostics
import Kernels

/// One layer by several kernels, timed in turn on the calling thread, so that a noisy neighbour hits all alike. The least
/// time of a call counts: what else a machine does can only add to it.
struct KernelComparison {
    /// Time for one layer, once every kernel had its least number of turns.
    private static let budget = Duration.milliseconds(30)
    private static let turns = 5...200
    /// Time of one turn, so that the clock's own does not count.
    private static let slice = Duration.microseconds(200)
    /// Floating-point operations of a call above which a part of the map's rows stands for all of them.
    private static let flopLimit = 2.5e8
    /// Floats of weights, and of a map, above which nothing is measured.
    private static let sizeLimit = 1 << 23

    private let layers: [PreparedLayer]

    /// - Parameters:
    ///   - layer: the convolution; kernels take its rows alike, so that some of many are enough.
    ///   - prepare: makes a layer ready for each kernel.
    /// - Throws: `resource` for a layer that is too large, and what `prepare` throws.
    init(
        _ layer: ConvolutionLayer, prepare: (LayerProblem) throws(EngineError) -> [PreparedLayer]
    ) throws(EngineError) {
        let (geometry, output) = (layer.geometry, layer.outputShape)
        let terms =
            Double(geometry.inputChannels / geometry.groups)
            * Double(geometry.kernelHeight * geometry.kernelWidth)
        let flops = 2 * terms * Double(output.elementCount)
        var part = layer
        if flops > Self.flopLimit {
            let reach = (geometry.kernelHeight - 1) * geometry.dilationHeight + 1
            part.height = min(layer.height, max(reach, Int(Double(layer.height) * Self.flopLimit / flops)))
        }
        let weights = terms * Double(geometry.outputChannels)
        let maps = [part.input, part.outputShape].map { Double($0.elementCount) }
        guard ([weights] + maps).allSatisfy({ $0 <= Double(Self.sizeLimit) }) else {
            throw EngineError(
                .resource, "\(layer)", "too large to be measured",
                expected: "at most \(Self.sizeLimit) floats of weights, and of a map")
        }
        layers = try prepare(LayerProblem(.convolution(part)))
    }

    /// The least nanoseconds of a call of each kernel.
    ///
    /// - Throws: what a first call fails with.
    func nanoseconds() throws(EngineError) -> [Int] {
        for index in layers.indices {
            _ = time(index, calls: 1)
            if let failure = layers[index].failures.take() { throw failure }
        }
        return withExtendedLifetime(layers) {
            let clock = ContinuousClock()
            let fastest = layers.indices.map { time($0, calls: 1) }.min() ?? 1
            let calls = max(1, Int(Self.slice.seconds * 1e9) / fastest)
            var least = [Int](repeating: .max, count: layers.count)
            let start = clock.now
            var turn = 0
            while turn < Self.turns.lowerBound
                || turn < Self.turns.upperBound && clock.now - start < Self.budget
            {
                // Each is first in its turn; one that stays far behind gets no more.
                let best = least.min() ?? .max
                for place in layers.indices {
                    let index = (place + turn) % layers.count
                    if turn < Self.turns.lowerBound - 1 || least[index] / 3 <= best {
                        least[index] = min(least[index], time(index, calls: calls))
                    }
                }
                turn += 1
            }
            return least
        }
    }

    /// Nanoseconds of a call, at least 1. Its input is in the cache, as what the layer before has just left there.
    private func time(_ index: Int, calls: Int) -> Int {
        let layer = layers[index]
        let duration = ContinuousClock().measure {
            for _ in 0..<calls { layer.step.run(layer.context, images: 0..<1) }
        }
        return max(1, Int(duration.seconds * 1e9) / calls)
    }
}
