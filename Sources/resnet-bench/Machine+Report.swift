import CommandSupport
import ResNetEngine

extension Machine {
    /// The machine in one line.
    var line: String {
        let quotaText = quota.map { "quota \(NumberText.fixed($0, 2)) CPUs" } ?? "no quota"
        let cacheText = [("L1d", caches.l1d), ("L2", caches.l2), ("L3", caches.l3)]
            .compactMap { name, cache in cache.map { "\(name) \(NumberText.bytes($0.bytes))" } }
            .joined(separator: ", ")
        return """
            \(cpuModel), \(isa.rawValue), \(cores.count) cores (\(usableWorkerCount) usable), \
            CPUs \(allowed), \(quotaText)\(cacheText.isEmpty ? "" : ", " + cacheText)
            """
    }

    /// The machine's part of every report.
    var json: [String: JSONValue] {
        [
            "cpu": .string(cpuModel),
            "isa": .string(isa.rawValue),
            "cores": .integer(cores.count),
            "usable_cores": .integer(usableCores.count),
            "usable_workers": .integer(usableWorkerCount),
            "packages": .integer(packageCount),
            "numa_nodes": .array(numaNodes.map(JSONValue.integer)),
            "allowed_cpus": .integer(allowed.count),
            "allowed_cpu_list": .string("\(allowed)"),
            "quota_cpus": JSONValue(quota),
            "memory_limit_bytes": JSONValue(memoryLimitBytes),
            "caches": .object([
                "l1d": caches.l1d.json, "l2": caches.l2.json, "l3": caches.l3.json,
            ]),
        ]
    }
}

extension Machine.Cache? {
    fileprivate var json: JSONValue {
        guard let self else { return .null }
        return .object(["bytes": .integer(self.bytes), "sharing_cpus": .integer(self.sharingCPUs)])
    }
}

extension [EngineWarning] {
    var json: JSONValue {
        .array(map { .string("\($0.code): \($0.message)") })
    }
}
