import Diagnostics
import Kernels
import Tensors
import Topology

/// One layer with seeded random weights and features, prepared as an engine would prepare it, to be timed by one
/// thread. Several may be timed at once, each by a thread of its own.
public final class LayerMeasurement: @unchecked Sendable {
    /// A timed piece of work and what the core could do at that moment.
    public struct Sample: Sendable {
        /// GFLOP/s of the layer, counted as it is written: padded taps included.
        public let gflops: Double
        /// GFLOP/s of a loop of multiply-adds just before.
        public let peakGflops: Double
        public var share: Double { gflops / peakGflops }
    }

    public let problem: LayerProblem
    /// The kernel that the engine picks, and why not another one.
    public let kernel: String
    public let rejected: [KernelRejection]
    /// Floating-point operations of one call, which takes `problem.images` images.
    public let flopsPerCall: Int

    private let peak: PeakMeasurement
    private let step: any Step
    private let context: StepContext
    private let features: AlignedBuffer<Float>
    private let scratch: AlignedBuffer<Float>
    private let failures: StepFailures
    /// Floats of all inputs, which lie before everything else in `features`.
    private let inputCount: Int
    /// Other data, to fill the caches.
    private let evictor: AlignedBuffer<Float>
    /// Floats that the worker's own cache holds.
    private let privateCacheSize: Int
    private let pauseMicroseconds: Int
    private let calls: Int
    private var next = 0

    /// - Parameters:
    ///   - problem: the layer and the images of one call.
    ///   - isa: the instruction set whose kernels are timed.
    ///   - exact: whether convolutions keep to the products of their definition.
    ///   - objective: what an estimate picks the kernel for.
    ///   - kernels: chosen and forbidden ones.
    ///   - tuning: measures which kernel is picked; nil: an estimate decides.
    ///   - registry: whose kernels are candidates besides those built in.
    ///   - machine: whose caches the layer's loops are cut for.
    ///   - sets: sets of feature maps that calls take in turn, so that a map is not found where the last call of it
    ///     left it; one where other data pass between calls.
    ///   - evictedBytes: size of the caches that ``coldSample()`` empties; 0 if that is never called.
    ///   - seed: of weights and features.
    /// - Throws: `badData` for an impossible layer, `unavailable` for an instruction set above the machine's,
    ///   `resource` when memory is refused, and what a first call fails with.
    public init(
        _ problem: LayerProblem, isa: ISALevel, exact: Bool = false, objective: Objective = .throughput,
        kernels: KernelFilter = KernelFilter(), tuning: KernelTuning? = nil, registry: Registry = .builtin,
        machine: Machine = .detect(),
        sets: Int = 8,
        evictedBytes: Int = 0, seed: UInt64 = 0
    ) throws(EngineError) {
        guard isa <= .detected else {
            throw EngineError(
                .unavailable, "--isa", isa.rawValue, expected: "at most \(ISALevel.detected.rawValue)")
        }
        calls = problem.reuseMebibytes > 0 ? 1 : max(sets, 1)
        let table = KernelSelection.table(for: isa)
        let candidates = ConvolutionCandidates(
            table, others: registry.convolutions.map(\.value), filter: kernels, exact: exact,
            objective: objective,
            tuner: tuning.map { KernelTuner($0, table, isa, machine, registry) })
        try candidates.check()
        let layer = try PreparedLayer(
            problem, images: calls * problem.images, table: table, caches: machine.workerCaches,
            candidates: candidates, seed: seed)
        self.problem = problem
        kernel = layer.kernel.name
        rejected = layer.kernel.rejected
        flopsPerCall = problem.images * layer.flops
        step = layer.step
        features = layer.features
        scratch = layer.scratch
        failures = layer.failures
        context = layer.context
        inputCount = layer.inputCount
        peak = PeakMeasurement(isa: isa, milliseconds: 1)
        privateCacheSize = machine.workerCaches.last / 4
        // More than all caches together hold evicts no more.
        let caches = machine.caches
        let largest = max(caches.l3?.bytes ?? 0, caches.l2?.bytes ?? 0, 32 << 20)
        let passing =
            min(max(problem.reuseMebibytes, problem.agedKibibytes >> 10), largest >> 19)
            << 20
        // What passes may leave nothing in the caches that time could take away.
        pauseMicroseconds = passing < largest ? min(problem.reuseMicroseconds, Self.longestPause) : 0
        evictor = try AlignedBuffer(count: max(evictedBytes, passing) / 4, subject: "cache eviction")
        for _ in 0..<calls { call() }
        try check()
    }

    /// - Throws: what a call failed with since the last check: a plugin's kernel may.
    public func check() throws(EngineError) {
        if let failure = failures.take() { throw failure }
    }

    /// Calls for at least `milliseconds`, weights and whatever else fits left in the caches by the calls before; or one
    /// call that finds them as a network leaves them, if the problem says what passes between calls.
    public func sample(milliseconds: Double = 2) -> Sample {
        guard problem.reuseMebibytes == 0 else { return networkSample() }
        let floor = milliseconds / 1e3
        let peakGflops = peak.slice()
        let clock = ContinuousClock()
        let start = clock.now
        var count = 0
        var elapsed = 0.0
        repeat {
            call()
            count += 1
            elapsed = (clock.now - start).seconds
        } while elapsed < floor
        return Sample(gflops: Double(count * flopsPerCall) / elapsed / 1e9, peakGflops: peakGflops)
    }

    /// One call after all caches were filled with something else.
    public func coldSample() -> Sample {
        let peakGflops = peak.slice()
        var sum: Float = 0
        for index in stride(from: 0, to: evictor.count, by: channelBlock) {
            evictor.pointer[index] += 1
            sum += evictor.pointer[index]
        }
        let elapsed = ContinuousClock().measure { call() }.seconds
        return Sample(
            gflops: sum.isNaN ? 0 : Double(flopsPerCall) / elapsed / 1e9, peakGflops: peakGflops)
    }

    /// Microseconds that are waited for at most between two calls: after these a shared cache holds what others put there.
    private static let longestPause = 20_000

    /// One call that finds the caches as a network's steps would leave them: the second of two, before each of which
    /// other data pass through, the memory of residual and output is used some time before the input is written, and
    /// scratch memory by the step before. The last of the other data pass while the input is written.
    private func networkSample() -> Sample {
        let peakGflops = peak.slice()
        let late = evictor.count - min(problem.agedKibibytes << 8, evictor.count)
        let early = min(max(evictor.count - privateCacheSize, 0), late)
        let pause = Duration.microseconds(pauseMicroseconds)
        var sum: Float = 0
        var elapsed = 0.0
        for _ in 0..<2 {
            let start = ContinuousClock.now
            sum += read(evictor, 0..<early)
            while ContinuousClock.now - start < pause {}
            touch(features, inputCount..<features.count)
            sum += read(evictor, early..<late)
            touch(scratch, 0..<scratch.count)
            sum += touch(features, 0..<inputCount, among: late..<evictor.count)
            elapsed = ContinuousClock().measure { call() }.seconds
        }
        return Sample(
            gflops: sum.isNaN ? 0 : Double(flopsPerCall) / elapsed / 1e9, peakGflops: peakGflops)
    }

    /// Reads each cache line of some floats.
    private func read(_ memory: AlignedBuffer<Float>, _ floats: Range<Int>) -> Float {
        stride(from: floats.lowerBound, to: floats.upperBound, by: channelBlock)
            .reduce(0) { $0 + memory.pointer[$1] }
    }

    /// Writes to each cache line of some floats without changing them.
    private func touch(_ memory: AlignedBuffer<Float>, _ floats: Range<Int>) {
        for index in stride(from: floats.lowerBound, to: floats.upperBound, by: channelBlock) {
            memory.pointer[index] += 0
        }
    }

    /// Does both in turns.
    private func touch(_ memory: AlignedBuffer<Float>, _ floats: Range<Int>, among others: Range<Int>)
        -> Float
    {
        let lines = (floats.count + channelBlock - 1) / channelBlock
        return (0..<lines).reduce(0) { sum, line in
            let first = floats.lowerBound + line * channelBlock
            touch(memory, first..<min(first + channelBlock, floats.upperBound))
            let start = others.lowerBound + others.count * line / lines
            return sum + read(evictor, start..<others.lowerBound + others.count * (line + 1) / lines)
        }
    }

    private func call() {
        let first = next * problem.images
        step.run(context, images: first..<first + problem.images)
        next = (next + 1) % calls
    }
}
