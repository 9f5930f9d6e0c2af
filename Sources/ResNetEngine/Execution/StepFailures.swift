import Diagnostics
import Synchronization

/// The first failure of a batch's steps. Steps go on after one, so that workers still meet; the batch then ends with it.
final class StepFailures: Sendable {
    private let first = Mutex<EngineError?>(nil)

    func note(_ error: EngineError) {
        first.withLock { if $0 == nil { $0 = error } }
    }

    /// The failure, which is forgotten.
    func take() -> EngineError? {
        first.withLock { failure in
            defer { failure = nil }
            return failure
        }
    }
}
