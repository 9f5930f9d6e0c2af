import Synchronization

/// Hands out the images of a phase: each worker slot first takes groups of its own shard, then steals from the
/// shard with most left, up to half of that.
///
/// Groups of a shard are as even as can be: those who share a reading of the weights are the more the better.
final class ShardCursors: @unchecked Sendable {
    /// One shard, alone on its cache lines.
    private struct Shard: ~Copyable {
        let next = Atomic<Int>(0)
        var end = 0
        private let padding: InlineArray<14, Int> = InlineArray(repeating: 0)
    }

    private let shards: UnsafeMutablePointer<Shard>
    private let weights: [Double]
    private let imageGroup: Int

    /// - Parameter weights: the relative speed of each slot's core.
    init(weights: [Double], imageGroup: Int) {
        self.weights = weights
        self.imageGroup = imageGroup
        shards = .allocate(capacity: weights.count)
        for slot in weights.indices { (shards + slot).initialize(to: Shard()) }
    }

    deinit {
        shards.deinitialize(count: weights.count)
        shards.deallocate()
    }

    /// Deals rows `0 ..< rows` out in contiguous shards. No worker may be claiming.
    func deal(rows: Int) {
        let total = weights.reduce(0, +)
        var (sum, start) = (0.0, 0)
        for slot in weights.indices {
            sum += weights[slot]
            let isLast = slot == weights.count - 1
            let end = isLast ? rows : max(start, min(rows, Int((Double(rows) * sum / total).rounded())))
            shards[slot].end = end
            shards[slot].next.store(start, ordering: .releasing)
            start = end
        }
    }

    /// The next images for a slot, or `nil` when all are taken.
    func claim(slot: Int) -> Range<Int>? {
        if let images = take(from: slot, steals: false) { return images }
        while let victim = richest() {
            if let images = take(from: victim, steals: true) { return images }
        }
        return nil
    }

    private func take(from slot: Int, steals: Bool) -> Range<Int>? {
        let end = shards[slot].end
        var start = shards[slot].next.load(ordering: .acquiring)
        while start < end {
            let left = end - start
            let groups = (left + imageGroup - 1) / imageGroup
            let count = min(imageGroup, steals ? (left + 1) / 2 : (left + groups - 1) / groups)
            let (done, seen) = shards[slot].next.weakCompareExchange(
                expected: start, desired: start + count, ordering: .acquiringAndReleasing)
            if done { return start..<start + count }
            start = seen
        }
        return nil
    }

    private func richest() -> Int? {
        var (best, most) = (0, 0)
        for slot in weights.indices {
            let left = shards[slot].end - shards[slot].next.load(ordering: .relaxed)
            if left > most { (best, most) = (slot, left) }
        }
        return most > 0 ? best : nil
    }
}
