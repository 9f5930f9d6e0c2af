import Topology

/// Where packed weights lie on a machine whose memory is in several NUMA nodes. Activations are always in the node of the
/// worker that first touches them.
public enum NUMAPolicy: String, Sendable, Hashable, CaseIterable {
    /// ``replicate`` where workers are pinned in several nodes and memory limits allow it, else ``local``. Prepared weights stay
    /// where they were loaded, which may be a file that others map too.
    case auto
    /// One copy, in the nodes of the threads that pack or load it.
    case local
    /// One copy, its pages dealt to the nodes of all usable cores in turn.
    case interleave
    /// A copy in each node that has workers, which read no other.
    case replicate
}

extension NUMAPolicy {
    /// What becomes of it.
    ///
    /// - Parameters:
    ///   - placement: of the workers.
    ///   - nodes: of all usable cores.
    ///   - isPrepared: whether weights are there before the engine.
    ///   - fits: whether copies for all nodes may be held.
    func resolved(
        _ placement: Placement, nodes: [Int], isPrepared: Bool, fits: () -> Bool
    ) -> NUMAPolicy {
        let hasSeveral = placement.numaNodes.count > 1
        switch self {
        case .auto: return hasSeveral && !isPrepared && fits() ? .replicate : .local
        case .local: return .local
        case .interleave: return nodes.count > 1 ? .interleave : .local
        case .replicate: return hasSeveral ? .replicate : .local
        }
    }

    /// Copies of the weights at the peak, for workers in some nodes: prepared ones are there besides.
    func copies(nodes: Int, isPrepared: Bool) -> Int {
        switch self {
        case .auto, .local: 1
        case .interleave: isPrepared ? 2 : 1
        case .replicate: nodes + (isPrepared ? 1 : 0)
        }
    }
}
