import CTopology
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A thread for one piece of work beside the caller's: it begins at once, on another CPU than the caller's where there is one.
final class HelperThread: Sendable {
    private let thread: UInt
    private let work: Work

    private final class Work: Sendable {
        private let body: @Sendable () -> Void
        private let isFinished = Atomic<Bool>(false)

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }

        func run() {
            body()
            isFinished.store(true, ordering: .releasing)
        }

        var isDone: Bool { isFinished.load(ordering: .acquiring) }
    }

    /// Runs `body`; nil when the system refuses a thread, and then nothing runs. Whoever gets one must join it.
    init?(_ body: @escaping @Sendable () -> Void) {
        let work = Work(body)
        self.work = work
        let argument = Unmanaged.passRetained(work)
        var thread: UInt = 0
        let isThere = ctopology_start_beside(
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, argument.toOpaque(), &thread)
        guard isThere else {
            argument.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits until the work is done, for some milliseconds without sleeping: who sleeps wakes late. To be called once.
    func join() {
        var yields = 0
        while !work.isDone, yields < 4000 {
            sched_yield()
            yields += 1
        }
        if work.isDone { ctopology_leave(thread) } else { ctopology_join(thread) }
    }
}
