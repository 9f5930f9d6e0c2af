import Diagnostics

extension Machine {
    /// How many workers a run may have.
    public static let workerRange = 1...1024

    /// Decides where workers run: never outside ``allowed``.
    ///
    /// - Throws: `usage` that names `--threads` for a number outside ``workerRange``, or `--pin` for a list that
    ///   is empty or names a CPU that is not allowed.
    public func placement(workers count: Int, pin: PinPolicy = .auto) throws(EngineError) -> Placement {
        guard Self.workerRange.contains(count) else {
            let expected = "\(Self.workerRange.lowerBound) to \(Self.workerRange.upperBound)"
            throw EngineError(.usage, "--threads", "\(count)", expected: expected)
        }
        var warnings = capacityWarnings(workers: count)
        let cpus: [Int]
        switch pin {
        case .none:
            cpus = []
        case .auto:
            cpus = count >= usableCores.count ? pinningOrder : []
        case .core:
            cpus = pinningOrder
        case .list(let list):
            cpus = try checked(list)
            if count > Set(list).count {
                let message = "\(count) workers share the \(Set(list).count) CPUs of --pin \(pin)"
                warnings.append(EngineWarning("pin-list-short", message))
            }
            let used = Set(list.prefix(count))
            for core in cores {
                let shared = core.cpus.filter(used.contains)
                guard shared.count > 1 else { continue }
                let message = "workers share core \(core.index) as its hardware threads \(CPUSet(shared))"
                warnings.append(EngineWarning("smt-shared", message))
            }
        }
        return Placement(workers: workers(count, on: cpus), warnings: warnings)
    }

    private func capacityWarnings(workers count: Int) -> [EngineWarning] {
        var warnings: [EngineWarning] = []
        let coreCount = usableCores.count
        if count > coreCount {
            let message = "\(count) workers share \(coreCount) usable cores"
            warnings.append(EngineWarning("threads-above-cores", message))
        }
        if let quota, count > max(1, wholeQuota ?? 1) {
            let message = "\(count) workers share a quota of \(quota) CPUs and will be throttled"
            warnings.append(EngineWarning("threads-above-quota", message))
        }
        return warnings
    }

    private func checked(_ list: [Int]) throws(EngineError) -> [Int] {
        let foreign = list.filter { !allowed.contains($0) }
        guard foreign.isEmpty, !list.isEmpty else {
            let found = list.isEmpty ? "an empty list" : "CPU \(foreign[0]) is not allowed"
            throw EngineError(.usage, "--pin", found, expected: "CPUs among \(allowed)")
        }
        return list
    }

    /// The allowed CPUs in the order in which workers take them: a hardware thread of each core, then their
    /// siblings; each time the fastest kind first, and neighbours together.
    private var pinningOrder: [Int] {
        let threads = usableCores.map { $0.cpus.filter(allowed.contains) }
        let width = threads.map(\.count).max() ?? 0
        return (0..<width).flatMap { sibling in
            threads.compactMap { $0.count > sibling ? $0[sibling] : nil }
        }
    }

    /// Workers take the CPUs in turn, and share the speed of a core that more than one has.
    private func workers(_ count: Int, on cpus: [Int]) -> [Placement.Worker] {
        guard !cpus.isEmpty else { return Array(repeating: .unpinned, count: count) }
        let places = (0..<count).map { worker in
            let cpu = cpus[worker % cpus.count]
            return (cpu: cpu, core: cores.firstIndex { $0.cpus.contains(cpu) })
        }
        var load = [Int](repeating: 0, count: cores.count)
        for case (_, let core?) in places { load[core] += 1 }
        return places.map { cpu, position in
            let core = position.map { cores[$0] }
            return Placement.Worker(
                cpu: cpu, core: core?.index, package: core?.package, numaNode: core?.numaNode,
                weight: (core?.weight ?? 1) / Double(position.map { load[$0] } ?? 1))
        }
    }
}
