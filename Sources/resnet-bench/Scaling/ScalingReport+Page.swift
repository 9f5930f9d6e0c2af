import CommandSupport
import ResNetEngine

/// What the page shows of a report.
extension ScalingReport {
    var scalingPlot: ScalingPlot {
        let baseline = Double(runs.first?.threads ?? 1)
        let series = batches.map { batch in
            ScalingPlot.Series(
                name: "batch \(batch), measured",
                points: runs.filter { $0.batch == batch }.map { run in
                    let rounds = run.rounds.map { round in
                        speedup(run) * run.latency.mean / round.latency.mean
                    }
                    let least = min(rounds.min() ?? 0, speedup(run))
                    return ScalingPlot.Point(
                        threads: Double(run.threads), speedup: speedup(run),
                        rounds: least...max(rounds.max() ?? 0, speedup(run)))
                })
        }
        return ScalingPlot(
            series: series, curves: curves, baseline: baseline, cores: Double(machine.usableWorkerCount))
    }

    /// The laws of the largest batch.
    private var curves: [ScalingPlot.Curve] {
        guard let fit = fits.max(by: { $0.batch < $1.batch }),
            let reference = runs.first(where: { $0.batch == fit.batch })?.imagesPerSecond, reference > 0
        else { return [] }
        let laws = [("Amdahl", "amdahl", fit.laws.amdahl), ("USL", "usl", fit.laws.universal)]
        return laws.compactMap { name, style, law in
            law.map { law in
                ScalingPlot.Curve(name: "\(name), batch \(fit.batch)", style: style) {
                    law.speed($0) / reference
                }
            }
        }
    }

    var rooflinePlot: RooflinePlot {
        RooflinePlot(
            profile.roofline,
            profile.layers.map {
                RooflinePlot.Dot(
                    name: $0.name, intensity: $0.intensity, gflops: $0.gflops, share: $0.share)
            })
    }

    var machineTerms: [(String, String)] {
        let caches = [("L1d", machine.caches.l1d), ("L2", machine.caches.l2), ("L3", machine.caches.l3)]
            .compactMap { name, cache in
                cache.map {
                    "\(name) \(NumberText.bytes($0.bytes)) for \($0.sharingCPUs) "
                        + "CPU\($0.sharingCPUs == 1 ? "" : "s")"
                }
            }.joined(separator: ", ")
        let siblings = machine.cores.map(\.cpus.count).max() ?? 1
        var terms = [
            ("processor", machine.cpuModel),
            (
                "instruction set",
                isa == machine.isa ? isa.rawValue : "\(isa.rawValue), of \(machine.isa.rawValue)"
            ),
            (
                "cores",
                "\(machine.cores.count), \(machine.usableCores.count) usable, in \(machine.packageCount) "
                    + "package\(machine.packageCount == 1 ? "" : "s") and \(machine.numaNodes.count) NUMA "
                    + "node\(machine.numaNodes.count == 1 ? "" : "s")"
            ),
            (
                "hardware threads",
                siblings > 1
                    ? "\(siblings) a core (SMT)" : "one a core: SMT is off, or hidden from this system"
            ),
            ("allowed CPUs", "\(machine.allowed)"),
            ("CPU quota", machine.quota.map { "\(NumberText.fixed($0, 2)) CPUs" } ?? "none"),
            ("caches", caches.isEmpty ? "unknown" : caches),
            ("memory limit", machine.memoryLimitBytes.map { NumberText.bytes($0) } ?? "none"),
            ("FMA peak", "\(NumberText.fixed(peakPerCore, 1)) GFLOP/s a core"),
        ]
        if let line = bandwidthLine { terms.append(("memory, read", line)) }
        return terms
    }

    /// The run with the most workers.
    private var widest: ScalingRun? { runs.max { $0.threads < $1.threads } }

    var placementTitle: String {
        guard let widest else { return "Placement" }
        return "\(widest.threads) worker\(widest.threads == 1 ? "" : "s"), --pin \(options.pin), "
            + (widest.isPinned ? "pinned" : "not pinned: where each was last seen")
    }

    var placementChips: [String] {
        (widest?.cpuPlacement ?? []).enumerated().map { index, cpu in
            let core = machine.cores.first { $0.cpus.contains(cpu) }
            let place = core.map { ", core \($0.index), NUMA node \($0.numaNode)" } ?? ""
            return "worker \(index): " + (cpu < 0 ? "not seen" : "CPU \(cpu)\(place)")
        }
    }
}
