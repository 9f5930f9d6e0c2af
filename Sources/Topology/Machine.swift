import Diagnostics

/// What this machine is, and which part of it the process may use.
public struct Machine: Sendable {
    /// A cache, and how many hardware threads share one of it.
    public struct Cache: Sendable, Hashable {
        /// Size in bytes.
        public let bytes: Int
        public let sharingCPUs: Int
    }

    /// The caches above one core; nil where unknown or absent.
    public struct Caches: Sendable, Hashable {
        public let l1d: Cache?
        public let l2: Cache?
        public let l3: Cache?
    }

    /// A physical core.
    public struct Core: Sendable, Hashable {
        /// Position in ``Machine/cores``.
        public let index: Int
        /// Its hardware threads, allowed or not, in order.
        public let cpus: [Int]
        /// Number of its package (socket), counted from 0.
        public let package: Int
        /// The system's number of its NUMA node.
        public let numaNode: Int
        /// Rank of its kind: 0 is the slowest kind, and the only one of a machine with equal cores.
        public let efficiencyClass: Int
        /// Expected speed relative to the fastest core: above 0, at most 1.
        public let weight: Double
        public let caches: Caches
    }

    /// A kind of core, where a machine has several.
    public struct Kind: Sendable, Hashable {
        public let cpus: CPUSet
        /// 0 is the slowest kind.
        public let efficiencyClass: Int
        /// Expected speed relative to the other kinds.
        public let weight: Double

        /// - Parameters:
        ///   - cpus: the CPUs of this kind.
        ///   - efficiencyClass: 0 for the slowest kind.
        ///   - weight: relative speed; anything but a positive number counts as 1.
        public init(cpus: CPUSet, efficiencyClass: Int, weight: Double) {
            self.cpus = cpus
            self.efficiencyClass = efficiencyClass
            self.weight = weight > 0 && weight.isFinite ? weight : 1
        }
    }

    /// What the processor calls itself.
    public let cpuModel: String
    /// Its vendor, family, model and stepping, as far as the system tells; machines of one model name may differ in it.
    public let cpuIdentity: String
    /// The widest instruction set that the running process can use.
    public let isa: ISALevel
    /// All cores, allowed or not. Neighbours share caches, packages and NUMA nodes.
    public let cores: [Core]
    /// The hardware threads that the process may use; never empty.
    public let allowed: CPUSet
    /// CPU time that control groups grant, in CPUs; nil when unlimited.
    public let quota: Double?
    /// Memory that control groups grant, in bytes; nil when unlimited.
    public let memoryLimitBytes: Int?
    /// What could not be found out.
    public let warnings: [EngineWarning]
}

extension Machine {
    public var packageCount: Int { Set(cores.map(\.package)).count }

    /// The system's numbers of the NUMA nodes that have cores, ascending.
    public var numaNodes: [Int] { Set(cores.map(\.numaNode)).sorted() }

    /// Those of cores that the process may use.
    public var usableNUMANodes: [Int] { Set(usableCores.map(\.numaNode)).sorted() }

    /// The caches of the fastest allowed core.
    public var caches: Caches {
        usableCores.first?.caches ?? Caches(l1d: nil, l2: nil, l3: nil)
    }

    /// The cores with an allowed hardware thread, fastest kind first, neighbours together.
    public var usableCores: [Core] {
        cores.filter { $0.cpus.contains(where: allowed.contains) }
            .sorted { ($1.efficiencyClass, $0.index) < ($0.efficiencyClass, $1.index) }
    }

    /// How many workers the process can really keep busy: its usable cores, or the whole CPUs of the quota if
    /// they are fewer; at least 1.
    public var usableWorkerCount: Int {
        max(1, min(usableCores.count, wholeQuota ?? .max))
    }

    /// The CPUs of the quota, rounded down: a worker that has only part of a CPU stalls the others.
    var wholeQuota: Int? {
        quota.map { Int($0.clamped(to: 0...Double(CPUSet.limit))) }
    }
}

extension Double {
    /// Not-a-number becomes the upper bound.
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        self < range.lowerBound ? range.lowerBound : self < range.upperBound ? self : range.upperBound
    }
}
