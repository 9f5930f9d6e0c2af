import Kernels
import Topology

/// Times candidates of one numeric class for one engine.
struct KernelTuner: Sendable {
    let tuning: KernelTuning
    private let table: KernelTable
    private let caches: WorkerCaches
    /// What times depend on besides the problem and its kernels.
    private let environment: String
    /// The plugins that kernels come from.
    private let plugins: [String: String]

    init(
        _ tuning: KernelTuning, _ table: KernelTable, _ isa: ISALevel, _ machine: Machine,
        _ registry: Registry
    ) {
        self.tuning = tuning
        self.table = table
        caches = machine.workerCaches
        let all = machine.caches
        let sizes = [all.l1d, all.l2, all.l3].map { $0.map { "\($0.bytes)/\($0.sharingCPUs)" } ?? "-" }
        environment =
            "\(machine.cpuModel); \(machine.cpuIdentity); caches \(sizes.joined(separator: " ")); "
            + "\(isa.rawValue); engine \(Engine.version)"
        plugins = Dictionary(registry.convolutions.map { ($0.value.name, $0.plugin) }) { first, _ in first }
    }

    /// How long the named ones of `candidates` take for a layer; nil where there is nothing to choose, or it cannot be
    /// measured.
    func times(
        of kernels: [String], among candidates: ConvolutionCandidates, for layer: ConvolutionLayer
    ) -> KernelTimes? {
        guard kernels.count > 1 else { return nil }
        // Options that forbid kernels, and plugins that bring some, make it another problem.
        let rivals = kernels.map { name in plugins[name].map { "\(name) of \($0)" } ?? name }
        let problem = "\(environment); \(layer); \(rivals.joined(separator: ", "))"
        return tuning.times(of: kernels, for: problem) { () throws(EngineError) in
            try KernelComparison(layer) { problem throws(EngineError) in
                var prepared: [PreparedLayer] = []
                for kernel in kernels {
                    prepared.append(
                        try PreparedLayer(
                            problem, images: 1, table: table, caches: caches,
                            candidates: candidates.filtered { $0.name == kernel }, seed: 0))
                }
                return prepared
            }.nanoseconds()
        }.map { KernelTimes(kernels: kernels, nanoseconds: $0) }
    }
}

/// What candidates took for one problem.
struct KernelTimes: Sendable {
    /// Differences below this are noise: the kernel that stands first in the list is taken.
    private static let tolerance = 1.02

    private let nanoseconds: [String: Int]
    let picked: String

    init(kernels: [String], nanoseconds: [Int]) {
        let times = Array(zip(kernels, nanoseconds))
        let limit = Double(nanoseconds.min() ?? 0) * Self.tolerance
        picked = times.first { Double($0.1) <= limit }?.0 ?? ""
        self.nanoseconds = Dictionary(times) { first, _ in first }
    }

    /// Why a kernel was not picked; nil if it was not measured.
    func reason(against kernel: String) -> String? {
        guard let time = nanoseconds[kernel], let best = nanoseconds[picked] else { return nil }
        return "measured \((Double(time) / Double(best)).formattedRatio) times as long"
    }
}
