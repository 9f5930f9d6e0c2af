import CTopology
import Synchronization

/// The machine that this process runs on, of which a thread finds out the larger part meanwhile: that takes a millisecond or
/// two, which have passed when an engine asks if the detection began before the model was loaded.
public final class MachineDetection: Sendable {
    /// The widest instruction set that the running process can use: known at once.
    public let isa: ISALevel
    /// The caches of a core, as the C library knows them: those of all cores where these are alike. Known at once, or nil.
    public var coreCaches: CoreCaches? { CoreCaches() }
    private let state: Mutex<State>

    /// Bytes of the caches nearest to a core.
    public struct CoreCaches: Sendable, Hashable {
        public let l1d: Int
        public let l2: Int

        fileprivate init?() {
            let caches = ctopology_known_core_caches()
            guard caches.l1d > 0, caches.l2 > 0 else { return nil }
            (l1d, l2) = (Int(clamping: caches.l1d), Int(clamping: caches.l2))
        }
    }

    private enum State {
        case looking(HelperThread, Finding)
        case found(Machine)
    }

    private final class Finding: Sendable {
        private let mask = ThreadAffinity.Mask()
        private let description = Mutex<MachineDescription?>(nil)
        private let limits = Mutex<CgroupLimits?>(nil)
        private let limitsAreTaken = Atomic<Bool>(false)

        func look() {
            let found = MachineDescription.ofThisMachine()
            description.withLock { $0 = found }
            findLimits()
        }

        /// What the process may use of the machine is found out by whoever comes to it first.
        func findLimits() {
            guard !limitsAreTaken.exchange(true, ordering: .relaxed) else { return }
            let found = CgroupLimits.current()
            limits.withLock { $0 = found }
        }

        /// To be asked for when all has been found.
        var machine: Machine {
            Machine(
                within: mask, description.withLock { $0 }, limits.withLock { $0 } ?? CgroupLimits.current())
        }
    }

    /// Begins, for the calling thread's CPU mask.
    public init() {
        let finding = Finding()
        state = Mutex(HelperThread { finding.look() }.map { .looking($0, finding) } ?? .found(.detect()))
        isa = .detected
    }

    /// A machine that is known.
    public init(_ machine: Machine) {
        isa = machine.isa
        state = Mutex(.found(machine))
    }

    deinit {
        if case .looking(let thread, _) = state.withLock({ $0 }) { thread.join() }
    }

    /// The machine as ``Machine/detect()`` describes it, once it is known.
    public var machine: Machine {
        state.withLock { state in
            switch state {
            case .found(let machine): return machine
            case .looking(let thread, let finding):
                finding.findLimits()
                thread.join()
                let machine = finding.machine
                state = .found(machine)
                return machine
            }
        }
    }
}
