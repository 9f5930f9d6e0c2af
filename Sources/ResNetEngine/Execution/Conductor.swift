import Diagnostics

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The thread that runs an engine's batches, one after the other, in the order in which they came.
///
/// Callers hand a batch over and sleep, or go on if they are asynchronous. Their own threads are never pinned,
/// keep their floating-point mode and allocate nothing: what the executors allocate for a fork they allocate
/// here.
final class Conductor: Sendable {
    /// One batch to run.
    struct Job {
        var rows: Int
        var input: UnsafePointer<Float>
        var output: UnsafeMutablePointer<Float>
        /// Notes what workers do, where that is wanted.
        var recorder: StepRecorder?
        /// What went wrong, once the job is done.
        var failure: EngineError?
        /// Called on the conductor's thread when done; `nil` when a thread waits.
        var completion: (@Sendable (EngineError?) -> Void)?
        fileprivate var isDone = false
        fileprivate var next: UnsafeMutablePointer<Job>?

        init(rows: Int, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
            self.rows = rows
            self.input = input
            self.output = output
        }
    }

    private let desk: Desk

    /// - Parameter run: runs one job, on the conductor's thread.
    /// - Throws: `resource` when the system refuses a thread.
    init(_ run: @escaping @Sendable (inout Job) -> Void) throws(EngineError) {
        desk = Desk(run)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(desk)
        let status = pthread_create(&thread, nil, Self.main, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            throw EngineError(.resource, "thread of the engine", "refused by the system, errno \(status)")
        }
        pthread_detach(thread)
    }

    /// Jobs hold the engine and with it the conductor: when this goes, none is left.
    deinit { desk.close() }

    /// Runs a job and waits for it.
    func perform(_ job: inout Job) { withUnsafeMutablePointer(to: &job) { desk.put($0, waits: true) } }

    /// Runs a job without waiting; its `completion` is called on the conductor's thread.
    func enqueue(_ job: Job) {
        let pointer = UnsafeMutablePointer<Job>.allocate(capacity: 1)
        pointer.initialize(to: job)
        desk.put(pointer, waits: false)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
        argument in
        if let argument { Unmanaged<Desk>.fromOpaque(argument).takeRetainedValue().serve() }
        return nil
    }

    /// The queue between callers and the thread; both hold it.
    private final class Desk: @unchecked Sendable {
        private let run: @Sendable (inout Job) -> Void
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private let arrived: UnsafeMutablePointer<pthread_cond_t>
        private let finished: UnsafeMutablePointer<pthread_cond_t>
        private var head: UnsafeMutablePointer<Job>?
        private var tail: UnsafeMutablePointer<Job>?
        private var isClosed = false

        init(_ run: @escaping @Sendable (inout Job) -> Void) {
            self.run = run
            lock = .allocate(capacity: 1)
            arrived = .allocate(capacity: 1)
            finished = .allocate(capacity: 1)
            pthread_mutex_init(lock, nil)
            pthread_cond_init(arrived, nil)
            pthread_cond_init(finished, nil)
        }

        deinit {
            pthread_mutex_destroy(lock)
            pthread_cond_destroy(arrived)
            pthread_cond_destroy(finished)
            lock.deallocate()
            arrived.deallocate()
            finished.deallocate()
        }

        func put(_ job: UnsafeMutablePointer<Job>, waits: Bool) {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            if let tail { tail.pointee.next = job } else { head = job }
            tail = job
            pthread_cond_signal(arrived)
            while waits, !job.pointee.isDone { pthread_cond_wait(finished, lock) }
        }

        func close() {
            pthread_mutex_lock(lock)
            isClosed = true
            pthread_cond_signal(arrived)
            pthread_mutex_unlock(lock)
        }

        func serve() {
            while let job = take() {
                run(&job.pointee)
                if let completion = job.pointee.completion {
                    let failure = job.pointee.failure
                    job.deinitialize(count: 1)
                    job.deallocate()
                    completion(failure)
                } else {
                    pthread_mutex_lock(lock)
                    job.pointee.isDone = true
                    pthread_cond_broadcast(finished)
                    pthread_mutex_unlock(lock)
                }
            }
        }

        private func take() -> UnsafeMutablePointer<Job>? {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            while head == nil, !isClosed { pthread_cond_wait(arrived, lock) }
            let job = head
            head = job?.pointee.next
            if head == nil { tail = nil }
            return job
        }
    }
}
