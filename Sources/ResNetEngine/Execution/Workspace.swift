import Diagnostics
import Tensors

/// The memory of one running batch: an arena a worker slot, and what slots share. Allocated at prepare, grown
/// only when a batch-coupled plan meets a larger batch.
final class Workspace {
    private let plan: Plan
    let slots: [AlignedBuffer<Float>]
    /// What a slot's steps need for themselves.
    let scratch: [AlignedBuffer<Float>]
    let coefficients: AlignedBuffer<Float>
    private(set) var batch: AlignedBuffer<Float>
    private(set) var statistics: AlignedBuffer<Double>
    private(set) var batchCapacity: Int

    init(_ plan: Plan, slots count: Int, rows: Int) throws(EngineError) {
        self.plan = plan
        var slots: [AlignedBuffer<Float>] = []
        for slot in 0..<count {
            slots.append(try AlignedBuffer(count: plan.slotArenaSize, subject: "arena of worker \(slot)"))
        }
        self.slots = slots
        var scratch: [AlignedBuffer<Float>] = []
        for slot in 0..<count {
            scratch.append(try AlignedBuffer(count: plan.scratchSize, subject: "scratch of worker \(slot)"))
        }
        self.scratch = scratch
        coefficients = try AlignedBuffer(count: plan.coefficientSize, subject: "coefficients")
        batchCapacity = plan.isBatchCoupled ? rows : 0
        (batch, statistics) = try Self.shared(plan, rows: batchCapacity)
    }

    /// Makes room for a batch of `rows`.
    func reserve(rows: Int) throws(EngineError) {
        guard plan.isBatchCoupled, rows > batchCapacity else { return }
        (batch, statistics) = try Self.shared(plan, rows: rows)
        batchCapacity = rows
    }

    private static func shared(
        _ plan: Plan, rows: Int
    ) throws(EngineError) -> (AlignedBuffer<Float>, AlignedBuffer<Double>) {
        var size = ByteCount(subject: "batch of \(rows)")
        try size.add(rows, max(4 * plan.batchArenaSize, 8 * plan.statisticsSize))
        return (
            try AlignedBuffer(count: plan.batchArenaSize * rows, subject: "arena of a batch of \(rows)"),
            try AlignedBuffer(count: plan.statisticsSize * rows, subject: "statistics of a batch of \(rows)")
        )
    }

    /// Bytes that a workspace takes.
    ///
    /// - Throws: `resource` when they cannot be addressed.
    static func byteCount(_ plan: Plan, slots: Int, rows: Int) throws(EngineError) -> Int {
        var size = ByteCount(subject: "batch of \(rows)")
        try size.add(4, plan.slotArenaSize, slots)
        try size.add(4, plan.scratchSize, slots)
        try size.add(4, plan.coefficientSize)
        if plan.isBatchCoupled { try size.add(rows, 4 * plan.batchArenaSize + 8 * plan.statisticsSize) }
        return size.bytes
    }
}
