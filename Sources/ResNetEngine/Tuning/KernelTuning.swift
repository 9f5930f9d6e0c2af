import Diagnostics
import Synchronization

/// Chooses kernels by measurement, among those of the numeric class that an estimate picks: no result's bits depend on
/// it.
///
/// Engines that are prepared with the same tuning, one after the other or at once, measure each problem once.
public final class KernelTuning: Sendable {
    private struct State {
        /// Nanoseconds by problem and kernel; nil before the cache is read.
        var records: [String: [String: Int]]?
        /// Those of them that the cache does not have.
        var fresh: [String: [String: Int]] = [:]
        /// Problems that cannot be measured: all steps of planning must get one answer.
        var failed: Set<String> = []
        var warnings: [EngineWarning] = []
        var noted: [EngineError] = []
        var done = 0
        var total = 0
        /// Whether `progress` waits for the end.
        var isUnderWay = false

        /// One warning for an error, also where reading and keeping fail alike.
        mutating func note(_ error: EngineError, _ consequence: String) {
            guard !noted.contains(error) else { return }
            noted.append(error)
            let expected = error.expected.isEmpty ? "" : ", expected \(error.expected)"
            warnings.append(
                EngineWarning("tuning", "\(consequence): \(error.subject): \(error.found)\(expected)"))
        }
    }

    private let cache: (any TuningCache)?
    private let progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - cache: keeps what was measured; nil: nothing is kept. One that cannot be read or written is a warning of the
    ///     engine.
    ///   - progress: hears how many steps of an engine are planned, whenever something must be measured, and at the end; it may
    ///     not use the tuning itself.
    public init(
        cache: (any TuningCache)? = nil, progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) {
        self.cache = cache
        self.progress = progress
    }

    /// The nanoseconds of each of `kernels`, which `measure` finds where they are not known. Nil where that fails.
    func times(
        of kernels: [String], for problem: String, measure: () throws(EngineError) -> [Int]
    ) -> [Int]? {
        state.withLock { state in
            let records = state.records ?? readCache(&state)
            if let record = records[problem] {
                let times = kernels.compactMap { record[$0] }.filter { $0 > 0 }
                if times.count == kernels.count { return times }
            }
            guard !state.failed.contains(problem) else { return nil }
            progress?(state.done, state.total)
            state.isUnderWay = true
            do throws(EngineError) {
                let times = try measure()
                let record = Dictionary(zip(kernels, times)) { first, _ in first }
                state.records?[problem] = record
                state.fresh[problem] = record
                return times
            } catch {
                state.failed.insert(problem)
                state.note(error, "not measured")
                return nil
            }
        }
    }

    private func readCache(_ state: inout State) -> [String: [String: Int]] {
        var records: [String: [String: Int]] = [:]
        do throws(EngineError) { records = try cache?.read() ?? [:] } catch { state.note(error, "ignored") }
        state.records = records
        return records
    }

    /// Says how far the engine in preparation is.
    func note(done: Int, of total: Int) { state.withLock { ($0.done, $0.total) = (done, total) } }

    /// Hands what is new to the cache, as an engine does when it is prepared, and returns everything worth a user's notice
    /// so far.
    public func finish() -> [EngineWarning] {
        state.withLock { state in
            if state.isUnderWay { progress?(state.total, state.total) }
            state.isUnderWay = false
            guard !state.fresh.isEmpty else { return state.warnings }
            do throws(EngineError) { try cache?.add(state.fresh) } catch { state.note(error, "not kept") }
            state.fresh = [:]
            return state.warnings
        }
    }
}
