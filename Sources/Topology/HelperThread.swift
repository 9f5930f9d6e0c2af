import CTopology

/// A thread for one piece of work beside the caller's: it begins at once, on another CPU than the caller's where there is one.
final class HelperThread: Sendable {
    private let thread: UInt

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body`; nil when the system refuses a thread, and then nothing runs. Whoever gets one must join it.
    init?(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        var thread: UInt = 0
        let isThere = ctopology_start_beside(
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque(), &thread)
        guard isThere else {
            work.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits until the work is done. To be called once.
    func join() { ctopology_join(thread) }
}
