import Synchronization

/// Hands out the images of a phase: each worker slot first takes groups of its own shard, then steals from the
/// shard with most left.
///
/// The last group of a shard is a small one, so that no worker starts a long group while the others run dry; one worker
/// alone has no others. More than one small one would read the weights that a group shares as many times.
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
    /// Images of the last group of a shard.
    private let tail: Int

    /// - Parameter weights: the relative speed of each slot's core.
    init(weights: [Double], imageGroup: Int) {
        self.weights = weights
        self.imageGroup = imageGroup
        tail = weights.count > 1 ? max(imageGroup / 4, 1) : imageGroup
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
        if let images = take(from: slot) { return images }
        while let victim = richest() {
            if let images = take(from: victim) { return images }
        }
        return nil
    }

    private func take(from slot: Int) -> Range<Int>? {
        let end = shards[slot].end
        var start = shards[slot].next.load(ordering: .acquiring)
        while start < end {
            let left = end - start
            let count = min(imageGroup, max(left - tail, min(left, tail)))
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
