import ArgumentParser
import ModelFiles
import ResNetEngine
import Synchronization

/// The options that say which kernels a layer may get.
public struct KernelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The highest instruction set to use.",
            valueName: (["auto"] + ISALevel.allCases.map(\.rawValue)).joined(separator: "|")))
    public var isa = "auto"

    @Option(
        help: ArgumentHelp(
            """
            Kernels to run where they can, by name: patterns of *, ? and […], separated by commas. Also \
            RESNET_ENGINE_IMPL.
            """, valueName: "pattern"))
    public var impl: String?

    @Option(
        help: ArgumentHelp(
            "Kernels never to run, by name; also RESNET_ENGINE_SKIP_IMPL.", valueName: "pattern"))
    public var skipImpl: String?

    @Flag(help: "Keep to the products of the model as written: no Winograd, no composition of layers.")
    public var exact = false

    @Option(
        help: ArgumentHelp(
            """
            How feature maps are stored and products made. With bf16 results are off by up to some 1e-2 of the largest.
            """, valueName: Precision.allCases.map(\.rawValue).joined(separator: "|")))
    public var precision = Precision.float32.rawValue

    @Option(
        help: ArgumentHelp(
            """
            What kernels are chosen for: batches, or single images, of which each reads all weights. Results may differ in \
            their last bits.
            """, valueName: Objective.allCases.map(\.rawValue).joined(separator: "|")))
    public var objective = Objective.throughput.rawValue

    @Flag(
        help: """
            Measure which kernel takes a layer fastest, among those of the same numeric class: results keep their \
            bits. What was measured is kept for the next time.
            """)
    public var tune = false

    @Option(
        help: ArgumentHelp(
            "Where --tune keeps it, instead of resnet-engine/tuning.json in XDG_CACHE_HOME or ~/.cache.",
            valueName: "file"))
    public var tuneCache: String?

    @Option(
        help: ArgumentHelp(
            "Load a plugin, a shared library of operations and kernels; may be given again.",
            valueName: "file"))
    public var plugin: [String] = []

    public init() {}

    /// Engine options of these, and defaults.
    ///
    /// - Throws: `usage` naming the flag, `unavailable` for an instruction set above the machine's.
    public func engineOptions(for machine: Machine) throws(EngineError) -> EngineOptions {
        var options = EngineOptions()
        options.isa = try OptionValue.choice(
            isa, "--isa", among: [("auto", nil)] + ISALevel.allCases.map { ($0.rawValue, $0) })
        if let wanted = options.isa, wanted > machine.isa {
            throw EngineError(
                .unavailable, "--isa", "'\(wanted.rawValue)'",
                expected: "at most \(machine.isa.rawValue) on this machine")
        }
        options.exact = exact
        options.precision = try OptionValue.choice(
            precision, "--precision", among: Precision.allCases.map { ($0.rawValue, $0) })
        options.objective = try OptionValue.choice(
            objective, "--objective", among: Objective.allCases.map { ($0.rawValue, $0) })
        options.kernels = KernelFilter(impl: impl, skipImpl: skipImpl)
        options.tuning = try tuning()
        return options
    }

    /// Measuring of kernels with a bar on a terminal, if it is asked for.
    private func tuning() throws(EngineError) -> KernelTuning? {
        guard tune else {
            guard tuneCache == nil else {
                throw EngineError(.usage, "--tune-cache", "given without --tune", expected: "both")
            }
            return nil
        }
        if let tuneCache, tuneCache.isEmpty {
            throw EngineError(.usage, "--tune-cache", "an empty name", expected: "a file")
        }
        let console = Mutex(Console())
        return KernelTuning(cache: TuningFile(tuneCache)) { done, total in
            console.withLock {
                $0.progress("tuning", done: done, total: total)
                if done >= total { $0.clear() }
            }
        }
    }
}
