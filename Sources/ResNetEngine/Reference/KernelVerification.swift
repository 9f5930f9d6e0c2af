import Diagnostics
import Kernels
import Topology

/// Checks every kernel of an instruction set against the float64 reference on seeded shapes, with canaries
/// around all that a kernel may write.
public enum KernelVerification {
    /// What became of one kernel.
    public struct Outcome: Sendable {
        public let kernel: String
        /// Shapes tried.
        public internal(set) var cases = 0
        /// The largest error as a share of what rounding explains; above 1 it failed.
        public internal(set) var worstError = 0.0
        /// Every failed case, as a problem that can be run again.
        public internal(set) var failures: [String] = []

        mutating func record(_ result: KernelTrial.Result, _ problem: String) {
            cases += 1
            switch result {
            case .error(let error):
                worstError = max(worstError, error)
                if error > 1 { failures.append("\(problem): error \(error) of what rounding explains") }
            case .broken(let reason):
                worstError = .infinity
                failures.append("\(problem): \(reason)")
            }
        }
    }

    /// - Throws: `unavailable` for an instruction set above the machine's.
    public static func run(isa: ISALevel, seed: UInt64) throws(EngineError) -> [Outcome] {
        guard isa <= .detected else {
            throw EngineError(
                .unavailable, "--isa", isa.rawValue,
                expected: "at most \(ISALevel.detected.rawValue) on this machine")
        }
        return try run(KernelSelection.table(for: isa), seed: seed)
    }

    static func run(
        _ table: KernelTable, _ cases: [ConvolutionLayer] = ConvolutionLayer.sweep(), seed: UInt64
    ) throws(EngineError) -> [Outcome] {
        var outcomes: [Outcome] = []
        for kernel in table.convolutions {
            outcomes.append(
                try convolution(kernel.name, kernel, cases, table, seed: seed) {
                    if case .yes = kernel.supports($0) { true } else { false }
                })
        }
        outcomes.append(
            try convolution("winograd4x4.f32.\(table.isa)", nil, cases, table, seed: seed) {
                ConvolutionAlgorithm.rejection($0) == nil
            })
        return outcomes + [
            try linear(table, seed: seed), try affine(table, seed: seed), try statistics(table, seed: seed),
        ]
    }

    private static func convolution(
        _ name: String, _ kernel: ConvolutionKernel?, _ cases: [ConvolutionLayer], _ table: KernelTable,
        seed: UInt64, supports: (ConvolutionProblem) -> Bool
    ) throws(EngineError) -> Outcome {
        var outcome = Outcome(kernel: name)
        for (index, problem) in cases.enumerated() {
            let shape = FeatureShape(channels: 1, height: problem.height, width: problem.width)
            guard supports(problem.problem(output: shape)) else { continue }
            var trial = KernelTrial(seed: seed &+ UInt64(index))
            let bytes = [512 << 10, 16 << 10, 2 << 10, 256][index / 6 % 4]
            let caches = WorkerCaches(first: bytes / 4, last: bytes)
            outcome.record(
                try trial.convolution(kernel, problem, table: table, caches: caches),
                "\(problem), cache of \(bytes)")
        }
        return outcome
    }

    private static func linear(_ table: KernelTable, seed: UInt64) throws(EngineError) -> Outcome {
        var outcome = Outcome(kernel: table.linear.name)
        for rows in 1...9 {
            for outputs in 1...23 {
                let shape = FeatureShape(
                    channels: outputs * 3 % 40 + 1, height: rows % 3 + 1, width: outputs % 4 + 1)
                var trial = KernelTrial(seed: seed &+ UInt64(rows * 100 + outputs))
                let result = try trial.linear(
                    rows: rows, input: shape, outputs: outputs, rectifies: outputs % 2 == 0, table: table)
                outcome.record(result, "linear:n\(rows)\(shape),o\(outputs)")
            }
        }
        return outcome
    }

    private static func affine(_ table: KernelTable, seed: UInt64) throws(EngineError) -> Outcome {
        var outcome = Outcome(kernel: "affine.f32.1x16.\(table.isa)")
        for channels in 1...50 {
            let shape = FeatureShape(channels: channels, height: channels % 5 + 1, width: channels % 7 + 1)
            for terms in 1...2 {
                var trial = KernelTrial(seed: seed &+ UInt64(channels * 10 + terms))
                let result = try trial.affine(
                    shape, terms: terms, rectifies: channels % 2 == 0, overwrites: channels % 3 == 0,
                    table: table)
                outcome.record(result, "affine:\(shape),\(terms) terms")
            }
        }
        return outcome
    }

    private static func statistics(_ table: KernelTable, seed: UInt64) throws(EngineError) -> Outcome {
        var outcome = Outcome(kernel: "statistics.f32.1x16.\(table.isa)")
        for channels in 1...50 {
            let shape = FeatureShape(channels: channels, height: channels % 5 + 1, width: channels % 29 + 1)
            var trial = KernelTrial(seed: seed &+ UInt64(channels))
            outcome.record(try trial.statistics(shape, table: table), "statistics:\(shape)")
        }
        return outcome
    }
}
