import COpenMP
import Dispatch

/// What runs the worker slots of a batch.
public enum ExecutorKind: String, Sendable, CaseIterable {
    /// `DispatchQueue.concurrentPerform`.
    case dispatch
    /// A libomp team.
    case openmp
}

extension ExecutorKind {
    /// A function of a context and an index, without captures, so that a fork allocates nothing.
    typealias Body = @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void

    /// Calls `body` once for every index below `count`, on as many threads as the executor has, the caller among
    /// them, and returns when all are done. An index is not a thread: one thread may run several.
    func perform(_ count: Int, _ context: UnsafeMutableRawPointer, _ body: Body) {
        switch self {
        case .dispatch:
            nonisolated(unsafe) let context = context
            DispatchQueue.concurrentPerform(iterations: count) { body(context, Int32(truncatingIfNeeded: $0)) }
        case .openmp:
            copenmp_parallel(Int32(clamping: count), body, context)
        }
    }
}
