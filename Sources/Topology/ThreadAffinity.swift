import CTopology

/// The CPUs that the calling thread may run on. Nothing here allocates, except where a ``CPUSet`` is made.
///
/// Threads inherit the mask of the thread that creates them. So a mask that was saved on a pool's thread need
/// not be the process's: save one ``Mask`` before the first thread is pinned, and restore that everywhere.
public enum ThreadAffinity {
    /// A saved mask.
    public struct Mask: Sendable {
        fileprivate var raw: ctopology_mask

        /// The mask of the calling thread, nil when the system does not tell.
        public init?() {
            raw = ctopology_mask()
            guard ctopology_get_affinity(&raw) else { return nil }
        }

        public init(_ cpus: CPUSet) {
            raw = cpus.mask
        }

        public var cpus: CPUSet { CPUSet(raw) }

        /// Whether the mask names this CPU and no other.
        public func isOnly(cpu: Int) -> Bool {
            withUnsafePointer(to: raw) { ctopology_mask_is_only($0, Int32(exactly: cpu) ?? -1) }
        }
    }

    /// Restricts the calling thread to one CPU.
    ///
    /// - Returns: false when the system refuses; the thread then runs where it did.
    public static func bind(toCPU cpu: Int) -> Bool {
        ctopology_bind_to_cpu(Int32(exactly: cpu) ?? -1)
    }

    /// Lets the calling thread run on the CPUs of the mask.
    ///
    /// - Returns: false when the system refuses; the thread then runs where it did.
    public static func restore(_ mask: Mask) -> Bool {
        withUnsafePointer(to: mask.raw) { ctopology_set_affinity($0) }
    }
}

/// Facts about the thread that asks.
public enum CurrentThread {
    /// The CPU that the thread runs on at this moment, nil when unknown.
    public static var cpu: Int? {
        let cpu = ctopology_current_cpu()
        return cpu < 0 ? nil : Int(cpu)
    }

    /// The kernel's identifier of the thread, unique among the living threads of the system.
    public static var identifier: Int { Int(ctopology_thread_identifier()) }
}
