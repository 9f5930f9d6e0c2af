import Diagnostics
import Dispatch
import Synchronization

/// Threads that make ready what batches need. They take pieces of work one by one; no result depends on who does which.
package struct PreparationTeam: Sendable {
    /// The caller's thread.
    package static let alone = PreparationTeam(threads: 1)
    /// As many threads as the process may use.
    package static let all = PreparationTeam(threads: .max)

    private let threads: Int

    init(threads: Int) { self.threads = threads }

    /// Slots that `count` pieces are done in.
    func slots(for count: Int) -> Int { min(threads, max(count, 1)) }

    /// Calls `body` once for every piece below `count`. Pieces may run at the same time: what one writes no other may touch.
    package func forEach(_ count: Int, _ body: (_ piece: Int) -> Void) {
        forEach(count) { piece, _ in body(piece) }
    }

    /// The same, and tells the slot: pieces of one slot do not run at the same time.
    func forEach(_ count: Int, _ body: (_ piece: Int, _ slot: Int) -> Void) {
        guard slots(for: count) > 1 else {
            for piece in 0..<count { body(piece, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            let next = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: slots(for: count)) { slot in
                while true {
                    let piece = next.add(1, ordering: .relaxed).oldValue
                    guard piece < count else { return }
                    body(piece, slot)
                }
            }
        }
    }

    /// The same for a body that may fail: what the first of the failed pieces says. All pieces run.
    package func forEach(
        _ count: Int, _ body: (_ piece: Int) throws(EngineError) -> Void
    ) throws(EngineError) {
        let failure = Mutex<(piece: Int, error: EngineError)?>(nil)
        forEach(count) { piece in
            do throws(EngineError) { try body(piece) } catch {
                failure.withLock { if piece < $0?.piece ?? .max { $0 = (piece, error) } }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }
}
