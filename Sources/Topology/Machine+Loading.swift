import CTopology
import Diagnostics

extension Machine {
    /// The machine that this process runs on, within its control groups and the calling thread's CPU mask.
    ///
    /// Never fails: what cannot be found out is a warning, down to equal cores without caches.
    public static func detect() -> Machine {
        Machine(within: ThreadAffinity.Mask(), .ofThisMachine(), .current())
    }

    /// The running process's machine, as `description` has it where it is found.
    init(within mask: ThreadAffinity.Mask?, _ description: MachineDescription?, _ limits: CgroupLimits) {
        var warnings: [EngineWarning] = []
        if mask == nil {
            warnings.append(EngineWarning("affinity-unavailable", "the system does not tell the CPU mask"))
        }
        let available = mask?.cpus ?? CPUSet(0..<Int(ctopology_online_cpu_count()))
        var found = description
        if let allowed = found?.allowed, allowed.intersection(available).isEmpty { found = nil }
        if found == nil {
            warnings.append(
                EngineWarning(
                    "topology-unavailable", "hwloc cannot describe this machine; every CPU counts as a core"))
        }
        let description = found ?? MachineDescription(flat: available)
        self.init(
            description, cpuModel: description.cpuModel ?? Self.processorBrand,
            allowed: description.allowed.intersection(available), quota: limits.quota,
            memoryLimitBytes: limits.memoryLimitBytes, warnings: warnings)
    }

    /// A machine recorded with `lstopo --of xml`.
    ///
    /// - Parameters:
    ///   - path: of a file that hwloc exported as XML.
    ///   - allowed: the CPUs that the process may use; nil for those that the recording allows.
    ///   - quota: in CPUs; nil when unlimited.
    ///   - kinds: replace the recorded kinds of cores.
    /// - Throws: `missingInput` or `badData` for the file, `usage` when no CPU of the machine is allowed.
    public init(
        xmlFile path: String, allowed: CPUSet? = nil, quota: Double? = nil, kinds: [Kind]? = nil
    ) throws(EngineError) {
        guard TextFile.content(of: path) != nil else {
            throw EngineError(.missingInput, path, "cannot be read", expected: "hwloc XML")
        }
        do {
            let description = try MachineDescription(kinds: kinds) { ctopology_load_xml(path, &$0) }
            try self.init(description, allowed: allowed, quota: quota)
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.badData, path, "not a topology", expected: "hwloc XML")
        }
    }

    /// A machine that exists in words only, such as `package:2 core:64 pu:2`.
    ///
    /// - Parameters:
    ///   - text: a synthetic description in hwloc's language.
    ///   - allowed: the CPUs that the process may use; nil for all.
    ///   - quota: in CPUs; nil when unlimited.
    ///   - kinds: of cores; nil for equal ones.
    /// - Throws: `usage` for a description that hwloc does not understand or that has more than
    ///   ``CPUSet/limit`` CPUs, and when no CPU of the machine is allowed.
    public init(
        synthetic text: String, allowed: CPUSet? = nil, quota: Double? = nil, kinds: [Kind]? = nil
    ) throws(EngineError) {
        let malformed = EngineError(
            .usage, "synthetic topology", "'\(text)'",
            expected: "a description such as 'package:2 core:64 pu:2' of at most \(CPUSet.limit) CPUs")
        guard Self.isModest(text) else { throw malformed }
        do {
            let description = try MachineDescription(kinds: kinds) { ctopology_load_synthetic(text, &$0) }
            try self.init(description, allowed: allowed, quota: quota)
        } catch let error as EngineError {
            throw error
        } catch {
            throw malformed
        }
    }

    private init(_ description: MachineDescription, allowed: CPUSet?, quota: Double?) throws(EngineError) {
        let usable = description.allowed.intersection(allowed ?? description.allowed)
        guard !usable.isEmpty else {
            throw EngineError(
                .usage, "allowed CPUs", "'\(allowed ?? CPUSet())'",
                expected: "CPUs among \(description.allowed)")
        }
        self.init(
            description, cpuModel: description.cpuModel ?? "unknown", allowed: usable, quota: quota,
            memoryLimitBytes: nil, warnings: [])
    }

    private init(
        _ description: MachineDescription, cpuModel: String, allowed: CPUSet, quota: Double?,
        memoryLimitBytes: Int?, warnings: [EngineWarning]
    ) {
        self.init(
            cpuModel: cpuModel, cpuIdentity: description.cpuIdentity, isa: .detected,
            cores: description.cores, allowed: allowed, quota: quota, memoryLimitBytes: memoryLimitBytes,
            warnings: warnings)
    }

    /// What the processor that this process runs on calls itself.
    private static var processorBrand: String {
        var brand = [CChar](repeating: 0, count: Int(CTOPOLOGY_BRAND_SIZE))
        ctopology_read_brand(&brand)
        let text = brand.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.drop { $0 == UInt8(ascii: " ") }
        return text.isEmpty ? "unknown" : String(decoding: text, as: UTF8.self)
    }

    /// Whether the counts of a synthetic description multiply to at most ``CPUSet/limit``: hwloc allocates
    /// whatever is asked of it.
    private static func isModest(_ text: String) -> Bool {
        var depth = 0
        var levels = ""
        for character in text {
            if "([".contains(character) { depth += 1 }
            levels.append(depth > 0 ? " " : character)
            if ")]".contains(character) { depth -= 1 }
        }
        var product = 1
        for level in levels.split(whereSeparator: \.isWhitespace) {
            let arity = level.split(separator: ":", maxSplits: 1).last.flatMap { Int($0) } ?? 0
            guard (1...CPUSet.limit).contains(arity), product * arity <= CPUSet.limit else { return false }
            product *= arity
        }
        return true
    }
}
