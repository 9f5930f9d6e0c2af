import Diagnostics

/// What a command says on standard error while it works: warnings, each once, and a progress bar.
///
/// The bar is drawn on a terminal, or anywhere with `--progress`. One thread uses a console.
public final class Console {
    /// Everything warned of so far, in order.
    public private(set) var warnings: [EngineWarning] = []
    private let showsProgress: Bool
    private let isTerminal = StandardStreams.errorIsTerminal
    private var isBarShown = false
    private var lastDraw: UInt64 = 0
    private var started: UInt64?

    /// - Parameter progress: whether the bar is drawn even where standard error is no terminal.
    public init(progress: Bool = false) {
        showsProgress = progress || isTerminal
    }

    deinit { clear() }

    /// Prints the warning unless it has been printed.
    public func warn(_ warning: EngineWarning) {
        guard !warnings.contains(warning) else { return }
        warnings.append(warning)
        clear()
        StandardStreams.writeError(String("\(warning)".map { $0.isNewline ? " " : $0 }) + "\n")
    }

    public func warn(_ warnings: [EngineWarning]) {
        for warning in warnings { warn(warning) }
    }

    /// Draws the bar, at most ten times a second.
    public func progress(_ label: String, done: Int, total: Int) {
        guard showsProgress, total > 0 else { return }
        let now = Stopwatch.now
        let start = started ?? now
        started = start
        guard done >= total || now - lastDraw >= 100_000_000 else { return }
        lastDraw = now
        let share = min(1, Double(done) / Double(total))
        let filled = Int(share * 30)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
        let elapsed = Stopwatch.seconds(start, now)
        let rest = share > 0 ? NumberText.fixed(elapsed / share - elapsed, 0) + " s left" : ""
        let line = "\(label) [\(bar)] \(NumberText.fixed(share * 100, 0)) % \(rest)"
        // A terminal's line is drawn over; elsewhere every state is a line of its own.
        StandardStreams.writeError(isTerminal ? "\r\u{1b}[K" + line : line + "\n")
        isBarShown = isTerminal
    }

    /// Removes the bar, so that other text can follow.
    public func clear() {
        guard isBarShown else { return }
        StandardStreams.writeError("\r\u{1b}[K")
        isBarShown = false
    }
}
