import ArgumentParser
import Foundation
import ResNetEngine

/// Times layers on their own, as a share of what the core can do at that moment.
@main
struct KernelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-bench",
        abstract: "GFLOP/s and share of the FMA peak of single layers.",
        discussion: """
            Every sample is taken right after a slice of a register-only loop of multiply-adds, on the same thread; \
            a layer's share is the median over its samples, of the best round and of the median one. Hot: calls walk over --sets sets of feature maps, weights stay where the last \
            call left them. Cold: the caches are filled with something else before each call. Scaling: the speed of \
            all threads at once as a share of the sum of their speeds one by one, taken in turn with it.
            """)

    @Argument(
        help: "Files of layers, one a line: a name, then a layer such as conv:c64h28w28,k64r3s3,pad1,relu.")
    var shapes: [String]

    @Option(help: "Instruction sets, best first; default: the machine's.")
    var isa: [String] = []

    @Option(help: "Threads, each with feature maps of its own and one CPU.")
    var threads: [Int] = [1]

    @Option(help: "Samples of a layer in a round.")
    var samples = 24

    @Option(help: "Rounds of samples.")
    var rounds = 3

    @Option(help: "Milliseconds of a hot sample at least.")
    var milliseconds = 2.0

    @Option(help: "Sets of feature maps that hot calls rotate over.")
    var sets = 8

    @Flag(help: "Empty the caches before each call.")
    var cold = false

    @Flag(help: "Keep convolutions to the products of their definition: no Winograd.")
    var exact = false

    @Flag(
        name: .customLong("onednn"),
        help: "Time convolutions by the system's oneDNN too, in turn on one thread, and print the ratios.")
    var comparesWithOneDNN = false

    @Option(help: "Only layers whose name contains this.")
    var only: String?

    @Option(help: "Write the figures here as JSON.")
    var json: String?

    /// Failures end with the exit status of their code, as in the other commands.
    func run() throws {
        do {
            try measure()
        } catch let error as EngineError {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            throw ExitCode(error.exitStatus)
        }
    }

    private func measure() throws {
        let machine = Machine.detect()
        let levels = try isa.isEmpty ? [machine.isa] : isa.map(level)
        let layers = try shapes.flatMap(ShapeFile.read).filter { only.map($0.name.contains) ?? true }
        guard samples > 0, rounds > 0, sets > 0, milliseconds > 0, threads.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("--samples, --rounds, --sets, --milliseconds and --threads are above 0")
        }
        if comparesWithOneDNN { return try compareWithOneDNN(layers, levels, machine) }
        var results: [LayerResult] = []
        for level in levels {
            for count in threads {
                let placement = try machine.placement(workers: count, pin: .core)
                let cpus = placement.workers.map(\.cpu)
                print(
                    "\n\(level.rawValue), \(count) thread\(count == 1 ? "" : "s"), \(cold ? "cold" : "hot")")
                print(LayerResult.header)
                for layer in layers {
                    let result = try measure(layer, level, cpus, machine)
                    print(result.line)
                    results.append(result)
                }
            }
        }
        try write(results)
    }

    private func write(_ results: some Encodable) throws {
        guard let json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(results).write(to: URL(filePath: json), options: .atomic)
    }

    private func compareWithOneDNN(
        _ layers: [ShapeFile.Layer], _ levels: [ISALevel], _ machine: Machine
    ) throws {
        #if ONEDNN
            guard threads == [1], !cold, !exact else {
                throw ValidationError("--onednn takes no --threads, --cold and --exact")
            }
            if let cpu = try machine.placement(workers: 1, pin: .core).workers[0].cpu {
                _ = ThreadAffinity.bind(toCPU: cpu)
            }
            try write(
                levels.flatMap {
                    try OneDNNComparison.run(
                        layers, $0, rounds: rounds, samples: samples, milliseconds: milliseconds, sets: sets)
                })
        #else
            throw EngineError(
                .unavailable, "--onednn", "oneDNN was not there when this was built",
                expected: "Debian's package libdnnl-dev, and a new build")
        #endif
    }

    private func level(_ name: String) throws -> ISALevel {
        guard let level = ISALevel(rawValue: name) else { throw ValidationError("--isa \(name)") }
        return level
    }

    private func measure(
        _ layer: ShapeFile.Layer, _ level: ISALevel, _ cpus: [Int?], _ machine: Machine
    ) throws -> LayerResult {
        let cache = machine.caches.l3 ?? machine.caches.l2
        let team = try Team(
            layer.problem, level, cpus, exact: exact, sets: sets,
            evictedBytes: cold ? 2 * (cache?.bytes ?? 32 << 20) : 0)
        let taken = (0..<rounds).map { _ in
            team.round(samples: samples, milliseconds: milliseconds, cold: cold)
        }
        return LayerResult(layer, kernel: team.kernel, isa: level, cold: cold, taken)
    }
}
