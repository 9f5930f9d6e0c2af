#if ONEDNN
    import Foundation
    import OneDNNConvolution
    import ResNetEngine

    /// Convolutions by this engine and by the system's oneDNN, in turn on one thread.
    enum OneDNNComparison {
        /// What the rounds say of one layer. A contestant's GFLOP/s in a round are those of its fastest sample, so that
        /// one in which another process ran does not count; speeds are medians over rounds, and ratios, oneDNN's time ÷
        /// this engine's, medians of those within a round.
        struct Result: Encodable {
            struct Ratios: Encodable {
                /// The convolution alone, its features laid out as oneDNN likes them best.
                let alone: Double
                /// With the features copied from this engine's layout and back.
                let copied: Double
            }

            let name: String
            let layer: String
            let peakGflops: Double
            let exactKernel: String
            let exactGflops: Double
            let defaultKernel: String
            let defaultGflops: Double
            let aloneGflops: Double
            let copiedGflops: Double
            let againstExact: Ratios
            let againstDefault: Ratios
        }

        /// - Parameters:
        ///   - layers: those that are no convolutions are left out.
        ///   - isa: of this engine's kernels; oneDNN takes the machine's.
        ///   - rounds: how often all contestants are compared.
        ///   - samples: of each contestant in a round, taken in turn.
        ///   - milliseconds: of a sample at least.
        ///   - sets: sets of feature maps that calls rotate over.
        static func run(
            _ layers: [ShapeFile.Layer], _ isa: ISALevel, rounds: Int, samples: Int, milliseconds: Double,
            sets: Int
        ) throws -> [Result] {
            print(
                "\n\(isa.rawValue), 1 thread, GFLOP/s, and the time of oneDNN \(OneDNNCandidate.libraryVersion) ÷ ours"
            )
            print(header)
            var results: [Result] = []
            for layer in layers {
                guard case .convolution = layer.problem.layer else { continue }
                let result = try measure(layer, isa, rounds, samples, milliseconds, sets)
                print(result.line)
                results.append(result)
            }
            print(mean(results))
            return results
        }

        private static func measure(
            _ layer: ShapeFile.Layer, _ isa: ISALevel, _ rounds: Int, _ samples: Int, _ milliseconds: Double,
            _ sets: Int
        ) throws -> Result {
            func contestant(exact: Bool, _ rival: OneDNNCandidate? = nil) throws -> LayerMeasurement {
                var registry = Registry.builtin
                var kernels = KernelFilter()
                if let rival {
                    try registry.register(Plugin("comparison", convolutions: [rival]))
                    kernels.chosen = [rival.name]
                }
                return try LayerMeasurement(
                    layer.problem, isa: isa, exact: exact, kernels: kernels, registry: registry, sets: sets)
            }
            let contestants = [
                try contestant(exact: true), try contestant(exact: false),
                try contestant(exact: true, OneDNNCandidate(features: .oneDNN)),
                try contestant(exact: true, OneDNNCandidate()),
            ]
            let empty = [Double](repeating: 0, count: rounds)
            var speeds = [[Double]](repeating: empty, count: contestants.count)
            var peaks = empty
            for round in 0..<rounds {
                for _ in 0..<samples {
                    for (index, contestant) in contestants.enumerated() {
                        let sample = contestant.sample(milliseconds: milliseconds)
                        speeds[index][round] = max(speeds[index][round], sample.gflops)
                        peaks[round] = max(peaks[round], sample.peakGflops)
                    }
                }
            }
            for contestant in contestants { try contestant.check() }
            func ratio(_ ours: Int, _ theirs: Int) -> Double {
                median(zip(speeds[ours], speeds[theirs]).map { $0 / $1 })
            }
            return Result(
                name: layer.name, layer: "\(layer.problem)", peakGflops: median(peaks),
                exactKernel: contestants[0].kernel, exactGflops: median(speeds[0]),
                defaultKernel: contestants[1].kernel, defaultGflops: median(speeds[1]),
                aloneGflops: median(speeds[2]), copiedGflops: median(speeds[3]),
                againstExact: Result.Ratios(alone: ratio(0, 2), copied: ratio(0, 3)),
                againstDefault: Result.Ratios(alone: ratio(1, 2), copied: ratio(1, 3)))
        }

        private static let header =
            pad("", -24)
            + ["peak", "exact", "default", "oneDNN", "+copies"].map { pad($0, 9) }.joined() + "  "
            + ["÷ exact", "+copies", "÷ default", "+copies"].map { pad($0, 10) }.joined()
            + "  kernel"

        /// The geometric means of the ratios.
        private static func mean(_ results: [Result]) -> String {
            let columns = (0..<4).map { column in
                exp(results.map { log($0.ratios[column]) }.reduce(0, +) / Double(results.count))
            }
            return pad("geometric mean", -24 - 45 - 2) + Result.text(columns)
        }
    }

    extension OneDNNComparison.Result {
        fileprivate var ratios: [Double] {
            [againstExact.alone, againstExact.copied, againstDefault.alone, againstDefault.copied]
        }

        fileprivate static func text(_ ratios: [Double]) -> String {
            ratios.map { pad(String(format: "%.3f", $0), 10) }.joined()
        }

        fileprivate var line: String {
            let speeds = [peakGflops, exactGflops, defaultGflops, aloneGflops, copiedGflops]
            return pad(name, -24) + speeds.map { pad(String(format: "%.1f", $0), 9) }.joined() + "  "
                + Self.text(ratios) + "  \(defaultKernel)"
        }
    }
#endif
