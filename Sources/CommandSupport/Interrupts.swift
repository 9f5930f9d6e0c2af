import Diagnostics
import Synchronization

/// Turns the signals that ask a program to end (SIGINT, SIGTERM, SIGHUP) into an orderly end with exit status
/// 75.
///
/// A thread of its own waits for them. While the program holds nothing that must be tidied up it ends at once;
/// inside `deferred` it ends when the work next asks, or at once on the second signal. A signal that the
/// program was started to ignore stays ignored.
public final class Interrupts: Sendable {
    private struct State {
        var isDeferred = false
        var signal: Int32?
    }

    /// The one of this program, which watches from the first use on.
    public static let shared = Interrupts()

    private let state = Mutex(State())

    /// Starts to watch, before the program starts threads, which inherit the mask of signals.
    private init() {
        var watched = sigset_t()
        sigemptyset(&watched)
        for signal in [SIGINT, SIGTERM, SIGHUP] where !Self.isIgnored(signal) { sigaddset(&watched, signal) }
        pthread_sigmask(SIG_BLOCK, &watched, nil)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Watch(self, watched)).toOpaque()
        let status = pthread_create(&thread, nil, { Interrupts.wait($0) }, context)
        if status == 0 {
            pthread_detach(thread)
        } else {
            // Without the thread the signals end the program as they always did.
            Unmanaged<Watch>.fromOpaque(context).release()
            pthread_sigmask(SIG_UNBLOCK, &watched, nil)
        }
    }

    /// Runs `body`, which asks ``check()`` now and then and tidies up when that throws.
    public func deferred<Result>(_ body: () throws(EngineError) -> Result) throws(EngineError) -> Result {
        state.withLock { $0.isDeferred = true }
        defer { state.withLock { $0.isDeferred = false } }
        let result = try body()
        return result
    }

    /// - Throws: `interrupted` once a signal has come.
    public func check() throws(EngineError) {
        if let signal = state.withLock({ $0.signal }) { throw Self.error(signal) }
    }

    private final class Watch {
        let interrupts: Interrupts
        var signals: sigset_t

        init(_ interrupts: Interrupts, _ signals: sigset_t) {
            self.interrupts = interrupts
            self.signals = signals
        }
    }

    private static func wait(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        let watch = Unmanaged<Watch>.fromOpaque(context).takeRetainedValue()
        while true {
            var signal: Int32 = 0
            guard sigwait(&watch.signals, &signal) == 0 else { return nil }
            watch.interrupts.state.withLock { state in
                // Held to the end, so that work which must be tidied up does not begin meanwhile.
                if !state.isDeferred || state.signal != nil {
                    StandardStreams.writeError("\(Self.error(signal))\n")
                    _exit(EngineError.Code.interrupted.exitStatus)
                }
                state.signal = signal
            }
        }
    }

    private static func error(_ signal: Int32) -> EngineError {
        let name = [SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"][signal] ?? "signal \(signal)"
        return EngineError(.interrupted, name, "stopped before the work was done")
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
