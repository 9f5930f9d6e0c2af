import Topology

/// Where the time of one or more batches went, layer by layer. Times are those of one core: of all workers together,
/// divided by the number of images.
public struct NetworkProfile: Sendable {
    public struct Layer: Sendable {
        /// Position among the steps that workers run.
        public let index: Int
        public let name: String
        /// Path of the residual block that the layer is in: `layer1.0`; empty for stem and head.
        public let block: String
        /// What was planned; nil for what stands between nodes.
        public let planned: PlannedStep?
        /// Runs of the step, parts of an image counted each.
        public let calls: Int
        /// Milliseconds an image: the mean, and those of every batch.
        public let milliseconds: Double
        public let batchMilliseconds: [Double]
        /// Those of the batch that took least.
        public var leastMilliseconds: Double { batchMilliseconds.min() ?? 0 }
        /// Of the time of all layers.
        public let share: Double
        /// The time of the busiest worker over the mean of all; 1 where all did the same.
        public let imbalance: Double
        /// What was counted an image, of what was counted in any batch.
        public let counts: [PerformanceEvent: Double]

        /// The layer as `resnet-bench layer` takes it, with the images of a call and the time that passed between two;
        /// nil for what that command does not time.
        public var problem: LayerProblem? {
            guard var problem = planned?.problem else { return nil }
            problem.images = max(1, min(problem.images, imagesPerCall))
            let microseconds = 1e3 * imageMilliseconds * Double(problem.images)
            problem.reuseMicroseconds = Int(min(microseconds, 1e6).rounded())
            return problem
        }

        /// Images of a call that took whole ones, rounded; 1 if there was none.
        let imagesPerCall: Int
        /// Milliseconds an image of all layers together.
        let imageMilliseconds: Double
        /// Floating-point operations of one image.
        public var flops: Int { planned?.cost.flops ?? 0 }
        public var gflops: Double { milliseconds > 0 ? Double(flops) / milliseconds / 1e6 : 0 }
        /// Bytes that an image's features and the packed weights take, each counted once.
        public var bytes: Int {
            guard let planned else { return 0 }
            return planned.inputBytes + planned.outputBytes + planned.packedBytes
        }
        /// Floating-point operations a byte.
        public var intensity: Double { bytes > 0 ? Double(flops) / Double(bytes) : 0 }
    }

    private struct Sums {
        var nanoseconds = 0
        var calls = 0
        /// Calls that took whole images, and these.
        var wholeCalls = 0
        var wholeImages = 0
        /// Milliseconds an image of each batch.
        var batches: [Double] = []
        var workers: [Int]
        var counts: [PerformanceEvent: UInt64] = [:]
    }

    private let executed: [ExecutedStep]
    private let planned: [PlannedStep]
    private var sums: [Sums]
    private var busy = 0
    /// Images of the batches in which each was counted.
    private var countedImages: [PerformanceEvent: Int] = [:]
    public private(set) var images = 0
    public private(set) var batches = 0

    /// A profile without batches.
    public init(_ engine: Engine) {
        executed = engine.executedSteps
        planned = engine.steps
        sums = executed.map { _ in Sums(workers: [Int](repeating: 0, count: engine.workerRecords.count)) }
    }

    /// Takes in one batch of the same engine.
    public mutating func add(_ batch: BatchProfile) {
        guard batch.rows > 0 else { return }
        var total = [Int](repeating: 0, count: sums.count)
        for (index, event) in batch.events.enumerated() {
            for (counter, count) in zip(batch.counters, batch.counts(ofEvent: index)) {
                sums[event.step].counts[counter, default: 0] += count
            }
            total[event.step] += event.nanoseconds
            sums[event.step].calls += 1
            if event.parts == 1 {
                sums[event.step].wholeCalls += 1
                sums[event.step].wholeImages += event.images
            }
            sums[event.step].workers[event.worker] += event.nanoseconds
        }
        for step in sums.indices {
            sums[step].nanoseconds += total[step]
            sums[step].batches.append(Double(total[step]) / 1e6 / Double(batch.rows))
        }
        busy += batch.busyNanoseconds.reduce(0, +)
        for counter in batch.counters { countedImages[counter, default: 0] += batch.rows }
        images += batch.rows
        batches += 1
    }

    /// Milliseconds an image of all layers together.
    public var milliseconds: Double { perImage(sums.reduce(0) { $0 + $1.nanoseconds }) }
    /// Milliseconds an image in which workers did not wait for others, handing out work included.
    public var busyMilliseconds: Double { perImage(busy) }

    /// All layers, in the order in which they run.
    public var layers: [Layer] {
        let total = max(sums.reduce(0) { $0 + $1.nanoseconds }, 1)
        return executed.indices.map { index in
            let step = sums[index]
            let mean = Double(step.nanoseconds) / Double(max(step.workers.count, 1))
            return Layer(
                index: index, name: executed[index].name, block: Self.block(of: executed[index]),
                planned: executed[index].planned.map { planned[$0] }, calls: step.calls,
                milliseconds: perImage(step.nanoseconds),
                batchMilliseconds: step.batches,
                share: Double(step.nanoseconds) / Double(total),
                imbalance: mean > 0 ? Double(step.workers.max() ?? 0) / mean : 1,
                counts: step.counts.reduce(into: [:]) { counts, entry in
                    counts[entry.key] = Double(entry.value) / Double(countedImages[entry.key] ?? 1)
                }, imagesPerCall: (step.wholeImages + step.wholeCalls / 2) / max(step.wholeCalls, 1),
                imageMilliseconds: milliseconds)
        }
    }

    private func perImage(_ nanoseconds: Int) -> Double { Double(nanoseconds) / 1e6 / Double(max(images, 1)) }

    /// The path up to its first number, of a node that lies deeper.
    private static func block(of step: ExecutedStep) -> String {
        guard step.planned != nil else { return "" }
        let parts = step.name.split(separator: ".")
        guard let number = parts.firstIndex(where: { Int($0) != nil }), number + 1 < parts.count else {
            return ""
        }
        return parts[...number].joined(separator: ".")
    }
}
