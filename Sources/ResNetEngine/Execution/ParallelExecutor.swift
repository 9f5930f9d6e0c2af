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
    /// Calls `run.work(slot:)` once for every slot below `count`, on up to `threads` threads, the caller among them,
    /// and returns when all are done. A slot is not a thread: one thread may run several.
    func perform(_ count: Int, threads: Int, _ run: BatchRun) {
        switch self {
        case .dispatch: DispatchQueue.concurrentPerform(iterations: count) { run.work(slot: $0) }
        case .openmp:
            copenmp_parallel(
                count, min(count, threads),
                { run, slot in
                    guard let run else { return }
                    Unmanaged<BatchRun>.fromOpaque(run).takeUnretainedValue().work(slot: slot)
                },
                Unmanaged.passUnretained(run).toOpaque())
        }
    }
}
