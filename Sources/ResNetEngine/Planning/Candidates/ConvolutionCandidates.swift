import Diagnostics
import Kernels
import Synchronization

/// The candidates that there are for convolutions, and which of them the options allow.
struct ConvolutionCandidates: Sendable {
    private(set) var all: [any ConvolutionCandidate]
    let filter: KernelFilter
    /// Whether convolutions keep to the products of their definition.
    let exact: Bool
    /// Measures candidates of one numeric class, where that is asked for.
    private(set) var tuner: KernelTuner?
    private let table: KernelTable
    private var memory = Memory()

    typealias Choice = (candidate: any ConvolutionCandidate, rejected: [KernelRejection])

    /// What was chosen before: a network has few different layers, and each is asked for several times.
    private final class Memory: Sendable {
        struct Question: Hashable {
            let layer: ConvolutionLayer
            let notesStatistics: Bool
            let inBands: Bool
        }

        struct Answer {
            let question: Question
            let choice: Choice
        }

        let answers = Mutex<[Answer]>([])
    }

    /// Those of an instruction set's table, then others.
    init(
        _ table: KernelTable, others: [any ConvolutionCandidate] = [], filter: KernelFilter = KernelFilter(),
        exact: Bool = false, objective: Objective = .throughput, tuner: KernelTuner? = nil
    ) {
        all = [.four, .pairsOfTwo].map {
            WinogradCandidate(form: $0, table: table, filter: filter, objective: objective)
        }
        all += table.convolutions.map { DirectCandidate(kernel: $0, lanes: table.lanes) }
        all += others
        self.filter = filter
        self.exact = exact
        self.tuner = tuner
        self.table = table
    }

    /// Some of them, to be chosen by estimate alone.
    func filtered(_ isKept: (any ConvolutionCandidate) -> Bool) -> ConvolutionCandidates {
        var some = self
        some.all = all.filter(isKept)
        some.tuner = nil
        some.memory = Memory()
        return some
    }

    /// - Parameter graph: whose operations may bring kernels of their own.
    /// - Throws: `usage` for a pattern of no kernel's name.
    func check(_ graph: Graph? = nil) throws(EngineError) {
        guard !filter.isEmpty else { return }
        let operations = graph?.nodes.compactMap(\.operation.plannable) ?? []
        try filter.check(all.map(\.name) + BuiltinKernels.names(table) + operations.flatMap(\.kernels))
    }

    /// - Throws: `unavailable` naming `node` when a kernel, or one of several joined by `+`, is forbidden.
    func checkAllowed(_ kernel: String, node: String) throws(EngineError) {
        guard !filter.isEmpty else { return }
        for name in kernel.split(separator: "+").map(String.init) {
            guard let pattern = filter.forbids(name) else { continue }
            throw EngineError(
                .unavailable, node, "kernel \(name) is forbidden by \(filter.forbiddenBy) \(pattern)",
                expected: "one that may run")
        }
    }

    /// The candidate that is expected to take the least time, or of its numeric class the one that was measured to, and
    /// why not another one.
    ///
    /// - Parameters:
    ///   - layer: the convolution.
    ///   - notesStatistics: whether the step must note the statistics of its result, as those built in do.
    ///   - inBands: whether some rows of the result must be there before others, which direct kernels can do.
    ///   - node: what an error names.
    /// - Throws: `unavailable` when all that could are forbidden.
    func choose(
        for layer: ConvolutionLayer, notesStatistics: Bool = false, inBands: Bool = false, node: String
    ) throws(EngineError) -> Choice {
        let question = Memory.Question(layer: layer, notesStatistics: notesStatistics, inBands: inBands)
        let known = memory.answers.withLock { $0.first { $0.question == question } }
        if let known { return known.choice }
        let choice = try chooseAnew(
            for: layer, notesStatistics: notesStatistics, inBands: inBands, node: node)
        memory.answers.withLock { $0.append(Memory.Answer(question: question, choice: choice)) }
        return choice
    }

    private func chooseAnew(
        for layer: ConvolutionLayer, notesStatistics: Bool, inBands: Bool, node: String
    ) throws(EngineError) -> Choice {
        var rejected: [KernelRejection] = []
        var left: [(candidate: any ConvolutionCandidate, cycles: Double)] = []
        func reject(
            _ candidate: any ConvolutionCandidate, _ reason: String, _ kind: KernelRejection.Kind = .ruledOut
        ) {
            rejected.append(KernelRejection(kernel: candidate.name, reason: reason, kind: kind))
        }
        for candidate in all {
            if case .no(let reason) = candidate.support(layer) {
                reject(candidate, reason, .incapable)
            } else if layer.takesBFloat16, !candidate.takesBFloat16 {
                reject(candidate, "takes no maps of bfloat16", .incapable)
            } else if notesStatistics, !candidate.notesStatistics {
                reject(candidate, "does not note the batch's statistics")
            } else if inBands, !(candidate is DirectCandidate) {
                reject(candidate, "takes no bands of rows, as the pooling behind it wants")
            } else if let reason = refusal(of: candidate) {
                reject(candidate, reason)
            } else {
                left.append((candidate, candidate.cycles(layer)))
            }
        }
        if left.contains(where: { filter.chooses($0.candidate.name) }) {
            for (candidate, _) in left where !filter.chooses(candidate.name) {
                reject(candidate, "not one of \(filter.chosenBy)")
            }
            left.removeAll { !filter.chooses($0.candidate.name) }
        }
        let takers = left.filter { $0.cycles.isFinite || filter.chooses($0.candidate.name) }
        guard let best = takers.min(by: { $0.cycles < $1.cycles }) else {
            for (candidate, _) in left { reject(candidate, Self.namedOnly) }
            // What options rule out says more than what no option would change.
            let cause = rejected.first { $0.kind == .ruledOut } ?? rejected.first
            let example = cause.map { ": \($0.kernel) \($0.reason), and so on" } ?? ""
            throw EngineError(
                .unavailable, node, "none of \(all.count) kernels is left\(example)",
                expected: "one for \(layer); resnet-bench kernels lists them")
        }
        // Others would change the result's bits.
        let rivals = takers.map(\.candidate).filter { $0.numericClass == best.candidate.numericClass }
        let times = tuner?.times(of: rivals.map(\.name), among: self, for: layer)
        let picked = times.flatMap { times in rivals.first { $0.name == times.picked } } ?? best.candidate
        for (candidate, cycles) in left where candidate.name != picked.name {
            let estimated =
                if cycles <= best.cycles {
                    "takes it too, but stands later in the list"
                } else if cycles.isInfinite {
                    Self.namedOnly
                } else {
                    "expected to take \((cycles / best.cycles).formattedRatio) times as long"
                }
            let reason = times?.reason(against: candidate.name) ?? estimated
            reject(candidate, reason, .slower)
        }
        return (picked, rejected)
    }

    private static let namedOnly = "taken only where --impl names it"

    /// Why options rule a candidate out.
    private func refusal(of candidate: any ConvolutionCandidate) -> String? {
        if exact, !candidate.numericClass.keepsDefinition { return "rounds otherwise than the definition" }
        return filter.forbids(candidate.name).map { "forbidden by \(filter.forbiddenBy) \($0)" }
    }
}

extension ConvolutionCandidate {
    private var isBuiltIn: Bool { self is DirectCandidate || self is WinogradCandidate }
    /// Whether its steps note the statistics of their results, as those built in do.
    var notesStatistics: Bool {
        isBuiltIn && (self as? DirectCandidate)?.kernel.takesPairs != true
            && (self as? WinogradCandidate)?.form.takesPairs != true
    }
    /// Whether maps may be of bfloat16 numbers, as those built in take them.
    var takesBFloat16: Bool { isBuiltIn }
}

extension Double {
    /// With two decimals.
    var formattedRatio: String { "\((self * 100).rounded() / 100)" }
}
