import CTopology

/// A set of logical CPUs, by the numbers that Linux gives them, 0 … ``limit`` − 1.
public struct CPUSet: Sendable, Hashable {
    /// One more than the highest CPU number that a set can hold.
    public static let limit = Int(CTOPOLOGY_CPU_LIMIT)

    private var words = [UInt64](repeating: 0, count: CPUSet.limit / 64)

    public init() {}

    /// Numbers outside 0 ..< ``limit`` are left out.
    public init(_ cpus: some Sequence<Int>) {
        for cpu in cpus where (0..<Self.limit).contains(cpu) {
            words[cpu / 64] |= 1 << UInt64(cpu % 64)
        }
    }

    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    public func contains(_ cpu: Int) -> Bool {
        (0..<Self.limit).contains(cpu) && words[cpu / 64] >> UInt64(cpu % 64) & 1 == 1
    }

    public func intersection(_ other: CPUSet) -> CPUSet {
        var result = self
        for index in words.indices { result.words[index] &= other.words[index] }
        return result
    }

    public func isSubset(of other: CPUSet) -> Bool {
        intersection(other) == self
    }
}

/// Members come in ascending order.
extension CPUSet: Sequence {
    public func makeIterator() -> IndexingIterator<[Int]> {
        (0..<Self.limit).filter(contains).makeIterator()
    }
}

extension CPUSet {
    init(_ mask: ctopology_mask) {
        withUnsafeBytes(of: mask) { bytes in
            for (index, word) in bytes.bindMemory(to: UInt64.self).prefix(words.count).enumerated() {
                words[index] = word
            }
        }
    }

    var mask: ctopology_mask {
        var mask = ctopology_mask()
        withUnsafeMutableBytes(of: &mask) { bytes in
            words.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        return mask
    }
}
