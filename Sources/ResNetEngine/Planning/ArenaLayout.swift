/// Gives tensors that live at different times the same memory.
struct ArenaLayout: Sendable {
    /// One tensor: its size in floats, and the first and last moment it is needed.
    struct Item: Sendable {
        var size: Int
        var lifetime: ClosedRange<Int>
    }

    /// Where each item starts, in floats.
    private(set) var offsets: [Int]
    /// Floats of the whole arena.
    private(set) var size = 0

    /// Places the largest items first, each at the lowest offset where no item of its time lies.
    init(_ items: [Item]) {
        offsets = [Int](repeating: 0, count: items.count)
        var placed: [Int] = []
        for index in items.indices.sorted(by: { (items[$1].size, $0) < (items[$0].size, $1) }) {
            let item = items[index]
            let rivals = placed.filter { items[$0].lifetime.overlaps(item.lifetime) }
                .sorted { offsets[$0] < offsets[$1] }
            var offset = 0
            for rival in rivals where offset + item.size > offsets[rival] {
                offset = max(offset, offsets[rival] + items[rival].size)
            }
            offsets[index] = offset
            size = max(size, offset + item.size)
            placed.append(index)
        }
    }
}
