import Topology

/// The caches that one worker has to itself, in bytes.
struct WorkerCaches: Sendable, Hashable {
    /// The first-level data cache.
    var first: Int
    /// The largest one.
    var last: Int
}

extension MachineDetection {
    /// What ``Machine/workerCaches`` will most likely be.
    var likelyWorkerCaches: WorkerCaches? {
        coreCaches.map { WorkerCaches(first: $0.l1d, last: $0.l2) }
    }
}

extension Machine {
    /// The last cache, shared or not.
    var lastCacheBytes: Int { caches.l3?.bytes ?? workerCaches.last }

    var workerCaches: WorkerCaches {
        let first = caches.l1d?.bytes ?? 32 << 10
        return WorkerCaches(first: first, last: caches.l2?.bytes ?? caches.l1d?.bytes ?? 256 << 10)
    }
}
