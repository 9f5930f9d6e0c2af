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
        try run(table(isa), seed: seed)
    }

    /// Checks a plugin's convolution kernel.
    ///
    /// - Throws: `unavailable` for an instruction set above the machine's.
    public static func run(
        _ candidate: any ConvolutionCandidate, isa: ISALevel, seed: UInt64
    ) throws(EngineError) -> Outcome {
        convolution(candidate, ConvolutionLayer.sweep(), try table(isa), seed: seed)
    }

    /// Checks every version of a plugin's operation; nil for one that layers make of their weights.
    ///
    /// - Throws: `unavailable` for an instruction set above the machine's.
    public static func run(
        _ kind: OperationKind, isa: ISALevel, seed: UInt64
    ) throws(EngineError) -> Outcome? {
        let table = try table(isa)
        guard let make = kind.make else { return nil }
        var outcome = Outcome(kernel: kind.identifier)
        for version in kind.versions {
            let name = "\(kind.identifier) version \(version)"
            guard let operation = make(version).plannable else {
                outcome.record(.broken("is no operation that can be planned"), name)
                continue
            }
            for turn in 1...120 {
                let shape = FeatureShape(channels: turn % 51 + 1, height: turn % 5 + 1, width: turn % 29 + 1)
                let vector = FeatureShape(channels: shape.channels)
                let inputs = [[shape], [shape, shape], [shape, vector]].first {
                    (try? operation.outputShape($0, node: name)) != nil
                }
                guard let inputs else {
                    outcome.record(.broken("takes neither one map nor two, nor a map and a vector"), name)
                    continue
                }
                var trial = KernelTrial(seed: seed &+ UInt64(turn))
                outcome.record(
                    attempt { () throws(EngineError) in
                        try trial.operation(operation, inputs, table: table)
                    }, "\(name) on \(inputs)")
            }
        }
        return outcome
    }

    private static func table(_ isa: ISALevel) throws(EngineError) -> KernelTable {
        guard isa <= .detected else {
            throw EngineError(
                .unavailable, "--isa", isa.rawValue,
                expected: "at most \(ISALevel.detected.rawValue) on this machine")
        }
        return KernelSelection.table(for: isa)
    }

    /// A trial that cannot even be planned is broken.
    private static func attempt(
        _ trial: () throws(EngineError) -> KernelTrial.Result
    ) -> KernelTrial.Result {
        do { return try trial() } catch { return .broken("\(error)") }
    }

    static func run(
        _ table: KernelTable, _ cases: [ConvolutionLayer] = ConvolutionLayer.sweep(), poolings: Int = 240,
        seed: UInt64
    ) throws(EngineError) -> [Outcome] {
        var outcomes: [Outcome] = []
        for kernel in table.convolutions {
            let candidate = DirectCandidate(kernel: kernel, lanes: table.lanes)
            outcomes.append(convolution(candidate, cases, table, seed: seed))
        }
        for form in [WinogradForm.four, .pairsOfTwo] {
            outcomes.append(
                convolution(WinogradCandidate(form: form, table: table), cases, table, seed: seed))
        }
        return outcomes + [
            try linear(.float32, table, seed: seed), try linear(.bfloat16, table, seed: seed),
            try affine(table, seed: seed), try statistics(table, seed: seed),
            try pooling(.maximum, poolings, table, seed: seed),
            try pooling(.mean, poolings, table, seed: seed),
        ]
    }

    private static func convolution(
        _ candidate: any ConvolutionCandidate, _ cases: [ConvolutionLayer], _ table: KernelTable,
        seed: UInt64
    ) -> Outcome {
        var outcome = Outcome(kernel: candidate.name)
        for (index, problem) in cases.enumerated() {
            guard candidate.takesBFloat16 || !problem.takesBFloat16,
                candidate.support(problem) == .yes
            else { continue }
            var trial = KernelTrial(seed: seed &+ UInt64(index))
            let bytes = [512 << 10, 16 << 10, 2 << 10, 256][index / 6 % 4]
            let caches = WorkerCaches(first: bytes / 4, last: bytes)
            outcome.record(
                attempt { () throws(EngineError) in
                    try trial.convolution(candidate, problem, table: table, caches: caches)
                }, "\(problem), cache of \(bytes)")
        }
        return outcome
    }

    private static func linear(
        _ precision: Precision, _ table: KernelTable, seed: UInt64
    ) throws(EngineError) -> Outcome {
        var outcome = Outcome(
            kernel: precision == .bfloat16 ? table.narrowLinear.name : table.linear.name)
        for rows in 1...9 {
            for outputs in 1...23 {
                let shape = FeatureShape(
                    channels: outputs * 3 % 40 + 1, height: rows % 3 + 1, width: outputs % 4 + 1)
                var trial = KernelTrial(seed: seed &+ UInt64(rows * 100 + outputs))
                let result = try trial.linear(
                    rows: rows, input: shape, outputs: outputs, rectifies: outputs % 2 == 0,
                    precision: precision, table: table)
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

    /// Poolings of maps in memory, maximum poolings behind a convolution too.
    private static func pooling(
        _ kind: Pooling.Kind, _ count: Int, _ table: KernelTable, seed: UInt64
    ) throws(EngineError) -> Outcome {
        var outcome = Outcome(kernel: PoolingStep.kernelName(kind, table))
        for turn in 0..<count {
            let kernel = turn % 5 + 1
            var window = PoolingWindow(
                kernel: kernel, stride: turn / 5 % 3 + 1, padding: turn % 2 * (kernel / 2),
                coversEdges: turn % 3 == 0)
            if turn % 4 == 0 { window.kernelWidth += 1 }
            let shape = FeatureShape(
                channels: turn % 41 + 1, height: kernel + turn % 7, width: kernel + 1 + turn * 5 % 23)
            let operation = try Pooling(kind, turn % 16 == 15 ? nil : window, node: "trial")
            var trial = KernelTrial(seed: seed &+ UInt64(turn))
            let precisions: (Precision, Precision) =
                [(.float32, .float32), (.float32, .bfloat16), (.bfloat16, .float32), (.bfloat16, .bfloat16)][
                    turn / 3 % 4]
            let name = "\(kind.rawValue):\(shape),\(window), \(precisions.0) to \(precisions.1)"
            outcome.record(
                try trial.pooling(
                    operation, shape, from: precisions.0, to: precisions.1, table: table), name)
            guard kind == .maximum else { continue }
            let caches = WorkerCaches(first: 1 << 10, last: [64 << 10, 2 << 10][turn / 7 % 2])
            outcome.record(
                try trial.pooledConvolution(operation, shape, table: table, caches: caches),
                "conv+\(name), cache of \(caches.last)")
        }
        return outcome
    }
}
