import Topology

/// The caches that one worker has to itself, in bytes.
struct WorkerCaches: Sendable {
    /// The first-level data cache.
    var first: Int
    /// The largest one.
    var last: Int
}

extension Machine {
    var workerCaches: WorkerCaches {
        let first = caches.l1d?.bytes ?? 32 << 10
        return WorkerCaches(first: first, last: caches.l2?.bytes ?? caches.l1d?.bytes ?? 256 << 10)
    }
}
