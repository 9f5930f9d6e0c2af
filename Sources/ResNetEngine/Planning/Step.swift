import Diagnostics
import Kernels

/// A planned operation: kernel chosen, weights packed, places known. Runs without allocating; one that runs code of others
/// may fail, by ``StepContext/fail(_:)``.
public protocol Step: Sendable {
    /// Runs one part of the step for `images`, all of one group. All parts together do all of the work,
    /// in any order and at the same time.
    func run(_ context: StepContext, images: Range<Int>, part: StepPart)

    /// How many passes a step makes of its work when workers share it, each cut into parts: all parts of a pass are complete
    /// before one of the next runs, and all see the same ``StepContext/jointScratch``. 1 unless the step says otherwise.
    func passes(images: Int, parts: Int) -> Int

    /// Weights that a part reads from memory where workers share the step of an image: more than stays in a cache until the next
    /// one, and read so fast that the step waits for them. Workers ask for them during the steps before. None unless the step
    /// says otherwise.
    func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float>

    /// How many lines of such weights of later steps the step asks for while it computes an image, as those built in do. 0 unless
    /// the step says otherwise.
    var linesAhead: Int { get }
}

extension Step {
    public func passes(images: Int, parts: Int) -> Int { 1 }

    public func weightsRead(by part: StepPart) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: nil, count: 0)
    }

    public var linesAhead: Int { 0 }

    /// Runs the whole step.
    func run(_ context: StepContext, images: Range<Int>) { run(context, images: images, part: .whole) }
}

/// Which part of a step is to be run.
public struct StepPart: Sendable {
    public var index: Int
    public var count: Int
    /// The pass that it is of.
    public var pass: Int
    public var passes: Int

    public init(index: Int, count: Int, pass: Int = 0, passes: Int = 1) {
        self.index = index
        self.count = count
        self.pass = pass
        self.passes = passes
    }

    public static let whole = StepPart(index: 0, count: 1)

    /// What cannot be cut is done by the first part.
    public var isFirst: Bool { index == 0 }

    /// This part's share of output rows, or of whatever else the step cuts.
    public func rows(of height: Int) -> Range<Int> { height * index / count..<height * (index + 1) / count }
}

/// What a step sees of the batch it works on.
public struct StepContext {
    /// The caller's images, `n c h w`.
    var input: UnsafePointer<Float>
    /// The caller's results, `n` features.
    var output: UnsafeMutablePointer<Float>
    /// The arena of this worker slot.
    var slotArena: UnsafeMutablePointer<Float>
    /// The arena that all slots share, and its capacity in rows.
    var batchArena: UnsafeMutablePointer<Float>
    var batchCapacity: Int
    /// Per-image statistics; `Plan.StatisticsRecord` says where.
    var statistics: UnsafeMutablePointer<Double>
    var coefficients: UnsafeMutablePointer<Float>
    /// What a step needs for itself while it runs, of this worker alone.
    public internal(set) var scratch: UnsafeMutablePointer<Float>
    /// The same for all who share a step that makes passes: as large as `scratch`, and that of one of them.
    public internal(set) var jointScratch: UnsafeMutablePointer<Float>
    /// First image of the group in work.
    var groupStart = 0
    /// What a part asks for while it computes.
    var linesAhead: UnsafeMutablePointer<LinesAhead>?
    /// Where failures go. Unretained: whoever runs steps keeps it.
    var failures: Unmanaged<StepFailures>?

    /// Ends the batch with an error once all workers are through; what is written until then does not matter.
    public func fail(_ error: EngineError) { failures?.takeUnretainedValue().note(error) }

    /// The start of one image's features.
    @inline(__always)
    public func image(_ index: Int, of placement: TensorPlacement) -> UnsafeMutablePointer<Float> {
        switch placement.scope {
        case .worker:
            slotArena + placement.offset
                + ((index - groupStart) & (placement.images - 1)) * placement.elementCount
        case .batch: batchArena + placement.offset * batchCapacity + index * placement.elementCount
        }
    }

    /// Pixel (0, 0) of one image's features.
    @inline(__always)
    public func origin(_ index: Int, of placement: TensorPlacement) -> UnsafeMutablePointer<Float> {
        image(index, of: placement) + placement.origin
    }
}

/// What an operation knows when it becomes a step.
public struct StepPlanningContext {
    /// The node's name, for errors.
    public let node: String
    let table: KernelTable
    public let inputs: [TensorPlacement]
    public let output: TensorPlacement
    /// Where the step's coefficients stand if the batch's own statistics make them, in floats.
    let coefficientOffset: Int?
    /// Where a convolution is to note what batch normalisation wants to know of its result.
    let statistics: TensorPlacement?
    let caches: WorkerCaches
    let candidates: ConvolutionCandidates
    /// Who packs weights.
    let team: PreparationTeam
    let parameters: StepParameters

    init(
        node: String, table: KernelTable, inputs: [TensorPlacement], output: TensorPlacement,
        coefficientOffset: Int? = nil, statistics: TensorPlacement? = nil,
        caches: WorkerCaches = WorkerCaches(first: 32 << 10, last: 256 << 10),
        candidates: ConvolutionCandidates? = nil, team: PreparationTeam = .alone,
        parameters: StepParameters = StepParameters()
    ) {
        self.node = node
        self.table = table
        self.inputs = inputs
        self.output = output
        self.coefficientOffset = coefficientOffset
        self.statistics = statistics
        self.caches = caches
        self.candidates = candidates ?? ConvolutionCandidates(table)
        self.team = team
        self.parameters = parameters
    }
}
