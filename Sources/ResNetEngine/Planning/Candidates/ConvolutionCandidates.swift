import Diagnostics
import Kernels

/// The candidates that there are for convolutions, and which of them the options allow.
struct ConvolutionCandidates: Sendable {
    var all: [any ConvolutionCandidate]
    var filter = KernelFilter()
    /// Kernels of other operations, each the only one for its operation.
    private let otherKernels: [String]
    /// Whether convolutions keep to the products of their definition.
    var exact = false

    /// Those of an instruction set's table, then others.
    init(_ table: KernelTable, others: [any ConvolutionCandidate] = []) {
        all = [WinogradCandidate(table: table)]
        all += table.convolutions.map { DirectCandidate(kernel: $0, lanes: table.lanes) }
        all += others
        otherKernels = [
            table.linear.name, ChannelAffineSum.kernelName(table), PoolingStep.kernelName(.maximum, table),
            PoolingStep.kernelName(.mean, table),
        ]
    }

    /// - Throws: `usage` for a pattern of no kernel's name.
    func check() throws(EngineError) { try filter.check(all.map(\.name) + otherKernels) }

    /// - Throws: `unavailable` naming `node` when a kernel, or one of several joined by `+`, is forbidden.
    func checkAllowed(_ kernel: String, node: String) throws(EngineError) {
        for name in kernel.split(separator: "+").map(String.init) {
            guard let pattern = filter.forbids(name) else { continue }
            throw EngineError(
                .unavailable, node, "kernel \(name) is forbidden by --skip-impl \(pattern)",
                expected: "one that may run")
        }
    }

    /// The candidate that is expected to take the least time, and why not another one.
    ///
    /// - Parameters:
    ///   - layer: the convolution.
    ///   - notesStatistics: whether the step must note the statistics of its result, as those built in do.
    ///   - node: what an error names.
    /// - Throws: `unavailable` when all that could are forbidden.
    func choose(
        for layer: ConvolutionLayer, notesStatistics: Bool = false, node: String
    ) throws(EngineError) -> (candidate: any ConvolutionCandidate, rejected: [KernelRejection]) {
        var rejected: [KernelRejection] = []
        var left: [(candidate: any ConvolutionCandidate, cycles: Double)] = []
        func reject(
            _ candidate: any ConvolutionCandidate, _ reason: String, _ kind: KernelRejection.Kind = .ruledOut
        ) {
            rejected.append(KernelRejection(kernel: candidate.name, reason: reason, kind: kind))
        }
        for candidate in all {
            if case .no(let reason) = candidate.support(layer) {
                rejected.append(KernelRejection(kernel: candidate.name, reason: reason))
            } else if notesStatistics, !candidate.notesStatistics {
                reject(candidate, "does not note the batch's statistics")
            } else if let reason = refusal(of: candidate) {
                reject(candidate, reason)
            } else {
                left.append((candidate, candidate.cycles(layer)))
            }
        }
        if left.contains(where: { filter.chooses($0.candidate.name) }) {
            for (candidate, _) in left where !filter.chooses(candidate.name) {
                reject(candidate, "not one of --impl")
            }
            left.removeAll { !filter.chooses($0.candidate.name) }
        }
        guard let best = left.min(by: { $0.cycles < $1.cycles }) else {
            throw EngineError(
                .unavailable, node,
                "no kernel left: \(rejected.map { "\($0.kernel): \($0.reason)" }.joined(separator: "; "))",
                expected: "one for \(layer)")
        }
        for (candidate, cycles) in left where candidate.name != best.candidate.name {
            let reason =
                if cycles <= best.cycles {
                    "takes it too, but stands later in the list"
                } else if cycles.isInfinite {
                    "taken only where --impl names it"
                } else {
                    "expected to take \((cycles / best.cycles).formattedRatio) times as long"
                }
            reject(candidate, reason, .slower)
        }
        return (best.candidate, rejected)
    }

    /// Why options rule a candidate out.
    private func refusal(of candidate: any ConvolutionCandidate) -> String? {
        if exact, !candidate.numericClass.keepsDefinition { return "rounds otherwise than the definition" }
        return filter.forbids(candidate.name).map { "forbidden by --skip-impl \($0)" }
    }
}

extension ConvolutionCandidate {
    /// Whether its steps note the statistics of their results, as those built in do.
    var notesStatistics: Bool { self is DirectCandidate || self is WinogradCandidate }
}

extension Double {
    /// With two decimals.
    fileprivate var formattedRatio: String { "\((self * 100).rounded() / 100)" }
}
