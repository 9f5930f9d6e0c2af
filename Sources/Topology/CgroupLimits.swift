/// The CPU time and memory that control groups grant to this process, of version 1, version 2 or both.
///
/// A group is limited by each of its ancestors too, so every value is the smallest on the way up to the mount.
/// Files that are missing or malformed set no limit.
public struct CgroupLimits: Sendable, Equatable {
    /// CPU time for each unit of real time, in CPUs; nil when unlimited.
    public let quota: Double?
    /// In bytes; nil when unlimited.
    public let memoryLimitBytes: Int?

    /// Folders of the process's groups that control CPU time, from the group up to the mount.
    private let cpuFolders: [String]

    /// How often the groups of this process have been stopped for using up their quota.
    public struct Throttling: Sendable, Equatable {
        /// Periods that ended early.
        public let periods: Int
        /// Time without CPU, summed over the group's CPUs, in microseconds.
        public let microseconds: Int
    }

    /// Reads the limits of the running process.
    ///
    /// - Parameter root: stands before every path; another folder than the system's root serves tests.
    public static func current(root: String = "") -> CgroupLimits {
        let hierarchy = CgroupHierarchy(root: root)
        let cpuFolders = hierarchy.folders(of: "cpu")
        return CgroupLimits(
            quota: cpuFolders.compactMap(quota).min(),
            memoryLimitBytes: hierarchy.folders(of: "memory").compactMap(memoryLimit).min(),
            cpuFolders: cpuFolders)
    }

    /// What the system has counted until now; nil where it does not count. Read it before and after a run.
    public func throttling() -> Throttling? {
        let counts = cpuFolders.compactMap(Self.throttling)
        guard !counts.isEmpty else { return nil }
        return Throttling(
            periods: counts.reduce(0) { $0 &+ $1.periods },
            microseconds: counts.reduce(0) { $0 &+ $1.microseconds })
    }
}

extension CgroupLimits {
    private static func quota(in folder: String) -> Double? {
        if let fields = words("\(folder)/cpu.max"), let quota = fields.first.flatMap({ Int($0) }) {
            return ratio(quota, fields.count > 1 ? Int(fields[1]) : 100_000)
        }
        guard let quota = number("\(folder)/cpu.cfs_quota_us") else { return nil }
        return ratio(quota, number("\(folder)/cpu.cfs_period_us"))
    }

    private static func ratio(_ quota: Int, _ period: Int?) -> Double? {
        guard let period, quota > 0, period > 0 else { return nil }
        return Double(quota) / Double(period)
    }

    private static func memoryLimit(in folder: String) -> Int? {
        // Version 1 writes "no limit" as the largest multiple of the page size.
        let unlimited = 1 << 60
        guard let limit = number("\(folder)/memory.max") ?? number("\(folder)/memory.limit_in_bytes"),
            (0..<unlimited).contains(limit)
        else { return nil }
        return limit
    }

    private static func throttling(in folder: String) -> Throttling? {
        guard let fields = words("\(folder)/cpu.stat") else { return nil }
        let pairs = zip(fields, fields.dropFirst()).compactMap { key, value in Int(value).map { (key, $0) } }
        let counts = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        guard let periods = counts["nr_throttled"] else { return nil }
        // Version 2 counts microseconds, version 1 nanoseconds.
        let microseconds = counts["throttled_usec"] ?? counts["throttled_time"].map { $0 / 1000 }
        return Throttling(periods: periods, microseconds: microseconds ?? 0)
    }

    private static func number(_ path: String) -> Int? {
        words(path)?.first.flatMap { Int($0) }
    }

    private static func words(_ path: String) -> [String]? {
        // A space, a tab, and all that ends lines.
        TextFile.bytes(of: path)?.parts { $0 == UInt8(ascii: " ") || (9...13).contains($0) }
    }
}
