import Diagnostics

/// Where each worker of a run belongs.
public struct Placement: Sendable {
    /// One worker. Where it is not pinned, the places are nil.
    public struct Worker: Sendable, Hashable {
        /// The only CPU that it may run on.
        public let cpu: Int?
        /// Position in ``Machine/cores``.
        public let core: Int?
        public let package: Int?
        /// The system's number of the NUMA node.
        public let numaNode: Int?
        /// Expected speed relative to a worker that has a fastest core to itself.
        public let weight: Double

        static let unpinned = Worker(cpu: nil, core: nil, package: nil, numaNode: nil, weight: 1)
    }

    /// In the order of their indices.
    public let workers: [Worker]
    public let warnings: [EngineWarning]

    public var isPinned: Bool { workers.contains { $0.cpu != nil } }

    /// The system's numbers of the NUMA nodes in which workers are pinned, in the order of the first ones of each.
    public var numaNodes: [Int] {
        var nodes: [Int] = []
        for case let node? in workers.map(\.numaNode) where !nodes.contains(node) { nodes.append(node) }
        return nodes
    }
}
