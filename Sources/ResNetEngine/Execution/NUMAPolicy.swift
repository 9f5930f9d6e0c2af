import Topology

/// Where packed weights lie on a machine whose memory is in several NUMA nodes. Activations are always in the node of the
/// worker that first touches them.
public enum NUMAPolicy: String, Sendable, Hashable, CaseIterable {
    /// ``replicate`` where workers are pinned in several nodes and the memory limit allows it, else ``local``.
    case auto
    /// One copy, in the nodes of the threads that pack it.
    case local
    /// One copy, its pages dealt to the nodes of all usable cores in turn.
    case interleave
    /// A copy for each node that has workers, which read no other.
    case replicate
}

extension NUMAPolicy {
    /// What becomes of it.
    ///
    /// - Parameters:
    ///   - placement: of the workers.
    ///   - nodes: of all usable cores.
    ///   - fits: whether so many copies of the weights may be held.
    func resolved(_ placement: Placement, nodes: [Int], fits: (_ copies: Int) -> Bool) -> NUMAPolicy {
        let copies = placement.numaNodes.count
        switch self {
        case .auto: return copies > 1 && fits(copies) ? .replicate : .local
        case .local: return .local
        case .interleave: return nodes.count > 1 ? .interleave : .local
        case .replicate: return copies > 1 ? .replicate : .local
        }
    }
}
