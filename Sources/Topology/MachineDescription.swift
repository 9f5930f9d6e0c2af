import CTopology

/// A machine as hwloc describes it, before limits are applied.
struct MachineDescription {
    enum Failure: Error {
        case malformed
        case failed
    }

    /// What the source calls the processor, nil where it does not.
    let cpuModel: String?
    /// Vendor, family, model and stepping, as far as the source tells.
    let cpuIdentity: String
    let cores: [Machine.Core]
    /// What control groups allow.
    let allowed: CPUSet

    /// - Parameters:
    ///   - kinds: replaces what the source says about kinds of cores.
    ///   - load: one of the loaders of `CTopology`.
    init(
        kinds: [Machine.Kind]? = nil,
        load: (inout ctopology_machine) -> ctopology_status
    ) throws(Failure) {
        var raw = ctopology_machine()
        switch load(&raw) {
        case CTOPOLOGY_LOADED: break
        case CTOPOLOGY_MALFORMED: throw .malformed
        default: throw .failed
        }
        defer { ctopology_free(&raw) }
        guard let first = raw.pus, raw.pu_count > 0 else { throw .malformed }
        let pus = (0..<Int(raw.pu_count)).map { first[$0] }
        func text(_ bytes: UnsafeRawBufferPointer) -> String {
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let model = withUnsafeBytes(of: raw.cpu_model, text)
        cpuModel = model.isEmpty ? nil : model
        cpuIdentity = withUnsafeBytes(of: raw.cpu_identity, text)
        cores = Self.cores(of: pus, kinds: kinds ?? Self.kinds(of: pus))
        allowed = CPUSet(pus.filter(\.is_allowed).map { Int($0.os_index) })
    }

    /// The machine that this process runs on, nil where hwloc cannot describe it.
    static func ofThisMachine() -> MachineDescription? {
        try? MachineDescription { ctopology_load_this(&$0) }
    }

    /// Equal cores without caches, one for each CPU: what is left when nothing more is known.
    init(flat cpus: CPUSet) {
        cpuModel = nil
        cpuIdentity = ""
        cores = cpus.enumerated().map { index, cpu in
            Machine.Core(
                index: index, cpus: [cpu], package: 0, numaNode: 0, efficiencyClass: 0, weight: 1,
                caches: Machine.Caches(l1d: nil, l2: nil, l3: nil))
        }
        allowed = cpus
    }
}

extension MachineDescription {
    /// Groups hardware threads, which come in hwloc's order, so that those of a core are neighbours.
    private static func cores(of pus: [ctopology_pu], kinds: [Machine.Kind]) -> [Machine.Core] {
        let fastest = kinds.map(\.weight).max() ?? 1
        var groups: [[ctopology_pu]] = []
        for pu in pus {
            if pu.core >= 0, groups.last?.last?.core == pu.core {
                groups[groups.count - 1].append(pu)
            } else {
                groups.append([pu])
            }
        }
        return groups.enumerated().map { index, group in
            let first = group[0]
            let kind = kinds.first { $0.cpus.contains(Int(first.os_index)) }
            return Machine.Core(
                index: index, cpus: group.map { Int($0.os_index) }, package: max(0, Int(first.package)),
                numaNode: max(0, Int(first.numa_node)), efficiencyClass: kind?.efficiencyClass ?? 0,
                weight: kind.map { $0.weight / fastest } ?? 1,
                caches: Machine.Caches(
                    l1d: Machine.Cache(first.l1d), l2: Machine.Cache(first.l2), l3: Machine.Cache(first.l3)))
        }
    }

    private static func kinds(of pus: [ctopology_pu]) -> [Machine.Kind] {
        let speed = speedEstimate(for: pus)
        var efficiencies: [Int32] = []
        for pu in pus where !efficiencies.contains(max(0, pu.efficiency)) {
            efficiencies.append(max(0, pu.efficiency))
        }
        return efficiencies.map { efficiency in
            let members = pus.filter { max(0, $0.efficiency) == efficiency }
            return Machine.Kind(
                cpus: CPUSet(members.map { Int($0.os_index) }), efficiencyClass: Int(efficiency),
                weight: members.reduce(0) { $0 + speed($1) } / Double(members.count))
        }
    }

    /// An estimate from the best that is known of all cores: Linux' capacity, else the highest frequency, where
    /// an Atom core does half the vector work of a big one in a cycle, else the rank alone.
    private static func speedEstimate(for pus: [ctopology_pu]) -> (ctopology_pu) -> Double {
        if pus.allSatisfy({ $0.capacity > 0 }) {
            return { Double($0.capacity) }
        }
        if pus.allSatisfy({ $0.max_frequency_mhz > 0 }) {
            return { Double($0.max_frequency_mhz) * ($0.is_atom ? 0.5 : 1) }
        }
        return { Double(max(0, $0.efficiency) + 1) }
    }
}

extension Machine.Cache {
    fileprivate init?(_ raw: ctopology_cache) {
        guard raw.bytes > 0 else { return nil }
        self.init(bytes: Int(raw.bytes), sharingCPUs: Int(raw.sharing_pus))
    }
}
