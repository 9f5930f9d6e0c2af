import Synchronization

/// The step that a worker is at, of which workers that have no images left take parts, so that none runs dry while
/// another is in the middle of its images.
///
/// Its owner opens it for each step, takes parts as the others do, and goes on when all are complete. Parts split outputs,
/// never sums: results do not depend on who computes them or on how many there are.
final class JointStep: @unchecked Sendable {
    /// What all parts have in common.
    struct Work {
        var phase: Int
        var step: Int
        var images: Range<Int>
        var groupStart: Int
        /// Of the owner.
        var arena: UnsafeMutablePointer<Float>
        var scratch: UnsafeMutablePointer<Float>
        var division: StepDivision
    }

    /// Openings, parts of this one and parts taken: 32, 16 and 16 bits, so that nobody takes a part of another opening
    /// than the one seen.
    private let state = Atomic<UInt64>(0)
    private let padding: InlineArray<15, Int> = InlineArray(repeating: 0)
    private let complete = Atomic<Int>(0)
    private let morePadding: InlineArray<15, Int> = InlineArray(repeating: 0)
    /// Written while no part is taken that is not complete.
    private let memory: UnsafeMutablePointer<Work>

    init() { memory = .allocate(capacity: 1) }

    deinit { memory.deallocate() }

    /// What a part taken belongs to.
    var work: Work { memory.pointee }

    /// Offers the parts of a step; those of the one before it are complete. The owner calls this.
    func open(_ work: Work) {
        memory.initialize(to: work)
        complete.store(0, ordering: .relaxed)
        let opening = (state.load(ordering: .relaxed) >> 32) &+ 1
        state.store(opening << 32 | UInt64(work.division.count) << 16, ordering: .releasing)
    }

    /// A part to run, if one is left.
    func claim() -> Int? {
        var seen = state.load(ordering: .acquiring)
        while seen & 0xffff < (seen >> 16) & 0xffff {
            let (done, now) = state.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if done { return Int(seen & 0xffff) }
            seen = now
        }
        return nil
    }

    func finishPart() { complete.add(1, ordering: .acquiringAndReleasing) }

    /// Waits until so many parts are complete, all of them taken by running threads.
    func wait(forParts parts: Int) {
        var patience = Patience()
        while complete.load(ordering: .acquiring) < parts { patience.wait() }
    }
}
