import Diagnostics

/// Where measured times of kernels are kept from one process to the next. `TuningFile` of `ModelFiles` is one: the engine
/// itself reads and writes no files.
public protocol TuningCache: Sendable {
    /// Nanoseconds by problem and kernel; empty where nothing has been kept yet. A problem's name says all that its times
    /// depend on.
    ///
    /// - Throws: what kept the cache from being read: a warning of ``KernelTuning``, never an error of an engine.
    func read() throws(EngineError) -> [String: [String: Int]]
    /// Adds problems to those kept, by whatever process.
    ///
    /// - Throws: as ``read()``.
    func add(_ records: [String: [String: Int]]) throws(EngineError)
}
