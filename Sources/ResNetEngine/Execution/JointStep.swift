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

    /// Openings, parts and passes of this one: 48, 11 and 5 bits.
    private let state = Atomic<UInt64>(0)
    private let padding: InlineArray<15, Int> = InlineArray(repeating: 0)
    private let complete = Atomic<Int>(0)
    private let morePadding: InlineArray<15, Int> = InlineArray(repeating: 0)
    /// Written while no part is taken that is not complete.
    private let memory: UnsafeMutablePointer<Work>
    /// Which pass of which opening each part was last taken in: 56 and 5 bits, so that nobody takes a part of another opening
    /// than the one seen.
    private let taken: UnsafeMutablePointer<Atomic<UInt64>>
    private let mostParts: Int

    init(mostParts: Int) {
        self.mostParts = mostParts
        memory = .allocate(capacity: 1)
        taken = .allocate(capacity: mostParts)
        for part in 0..<mostParts { (taken + part).initialize(to: Atomic(0)) }
    }

    deinit {
        memory.deallocate()
        taken.deinitialize(count: mostParts)
        taken.deallocate()
    }

    /// What a part taken belongs to.
    var work: Work { memory.pointee }

    /// Offers the parts of a step; those of the one before it are complete. The owner calls this.
    func open(_ work: Work) {
        memory.initialize(to: work)
        complete.store(0, ordering: .relaxed)
        let opening = (state.load(ordering: .relaxed) >> 16) &+ 1
        state.store(
            opening << 16 | UInt64(work.division.parts) << 5 | UInt64(work.division.passes),
            ordering: .releasing)
    }

    /// A part to run, if one is left: that of the worker's own share of the earliest pass, or the next after it. A worker's parts
    /// thus lie in the same place of step after step, and it finds in its caches what it left there.
    ///
    /// - Parameters:
    ///   - share: the number of the worker, counted from the owner.
    ///   - workers: how many may take parts.
    func claim(_ share: Int, of workers: Int) -> Int? {
        let seen = state.load(ordering: .acquiring)
        let (parts, passes) = (Int(seen >> 5 & 0x7ff), seen & 0x1f)
        var pass: UInt64 = 1
        while pass <= passes {
            let mark = (seen >> 16) << 8 | pass
            var part = parts * share / workers
            for _ in 0..<parts {
                let last = taken[part].load(ordering: .relaxed)
                if last < mark,
                    taken[part].compareExchange(
                        expected: last, desired: mark, ordering: .acquiringAndReleasing
                    ).exchanged
                {
                    return Int(pass - 1) * parts + part
                }
                part = part + 1 == parts ? 0 : part + 1
            }
            pass += 1
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
