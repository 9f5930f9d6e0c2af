import Kernels
import Topology

/// The most floating-point operations a core can do, measured by a loop of multiply-adds on registers.
public struct PeakMeasurement: Sendable {
    private let probe: PeakProbe
    private let iterations: Int

    /// Finds how many iterations of the loop take about `milliseconds`; this warms the core up too.
    public init(isa: ISALevel, milliseconds: Double = 5) {
        probe = KernelSelection.table(for: isa).peakProbe
        var iterations = 1 << 10
        while Self.seconds(probe, iterations) * 1e3 < milliseconds { iterations *= 2 }
        self.iterations = iterations
    }

    /// GFLOP/s of the calling thread in one slice.
    public func slice() -> Double {
        Double(iterations * probe.flopsPerIteration) / Self.seconds(probe, iterations) / 1e9
    }

    /// GFLOP/s of the calling thread with the vectors of `isa`: the best of `slices` slices of about
    /// `milliseconds` each.
    public static func gflopsPerCore(isa: ISALevel, slices: Int = 24, milliseconds: Double = 5) -> Double {
        let peak = PeakMeasurement(isa: isa, milliseconds: milliseconds)
        return (0..<slices).reduce(0) { best, _ in max(best, peak.slice()) }
    }

    private static func seconds(_ probe: PeakProbe, _ iterations: Int) -> Double {
        var sum: Float = 0
        let duration = ContinuousClock().measure { sum = probe.run(iterations) }
        // A use of the sums that the optimiser cannot prove away: they are never NaN.
        return sum.isNaN ? .infinity : duration.seconds
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
