import ResNetEngine

extension ModelOptions {
    /// How fast that many workers read memory, or one for each usable core if these are fewer; nil where caches
    /// hold too much (``BandwidthMeasurement/byteCount(for:)``), or where there is no room for what is read beside the bytes
    /// that the command holds meanwhile, which `--max-memory` counts too.
    ///
    /// - Throws: `usage` for numbers of workers and places that there are not, `resource` when the system refuses memory
    ///   or a thread.
    public func bandwidth(
        workers: Int, pin: PinPolicy, beside held: Int, _ machine: Machine
    ) throws(EngineError) -> BandwidthMeasurement? {
        guard let byteCount = BandwidthMeasurement.byteCount(for: machine) else { return nil }
        let limit = min(maxMemory.flatMap { Int($0) } ?? .max, machine.memoryLimitBytes ?? .max)
        guard byteCount <= AvailableMemory.bytes / 2, held <= limit - byteCount else { return nil }
        let placement = try machine.placement(workers: min(workers, machine.usableWorkerCount), pin: pin)
        return try BandwidthMeasurement(placement: placement, byteCount: byteCount)
    }
}
