import CTopology

/// Memory of several NUMA nodes.
public enum NodeMemory {
    /// Deals the pages of memory that nobody has touched yet to nodes in turn.
    ///
    /// - Parameters:
    ///   - memory: from a page's start.
    ///   - nodes: the system's numbers.
    /// - Returns: false when the system refuses, or has no such nodes; pages then lie where they are first touched.
    public static func interleave(_ memory: UnsafeMutableRawBufferPointer, over nodes: [Int]) -> Bool {
        guard let start = memory.baseAddress, !nodes.isEmpty else { return false }
        let numbers = nodes.map { Int32(exactly: $0) ?? -1 }
        return ctopology_interleave(start, memory.count, numbers, numbers.count)
    }
}
