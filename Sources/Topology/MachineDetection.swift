import Synchronization

/// The machine that this process runs on, of which a thread finds out the larger part meanwhile: that takes a millisecond or
/// two, which have passed when an engine asks if the detection began before the model was loaded.
public final class MachineDetection: Sendable {
    /// The widest instruction set that the running process can use: known at once.
    public let isa: ISALevel
    private let state: Mutex<State>

    private enum State {
        case looking(HelperThread, Finding)
        case found(Machine)
    }

    private final class Finding: Sendable {
        let mask = ThreadAffinity.Mask()
        private let found = Mutex<MachineDescription?>(nil)

        func look() {
            let description = MachineDescription.ofThisMachine()
            found.withLock { $0 = description }
        }

        /// To be asked for when the thread that looks has ended.
        var description: MachineDescription? { found.withLock { $0 } }
    }

    /// Begins, for the calling thread's CPU mask.
    public init() {
        isa = .detected
        let finding = Finding()
        state = Mutex(HelperThread { finding.look() }.map { .looking($0, finding) } ?? .found(.detect()))
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
                // What the process may use of it is found out here, since looking takes longer than what came before.
                let limits = CgroupLimits.current()
                thread.join()
                let machine = Machine(within: finding.mask, finding.description, limits)
                state = .found(machine)
                return machine
            }
        }
    }
}
