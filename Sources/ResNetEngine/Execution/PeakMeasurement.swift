import Kernels
import Topology

/// The most floating-point operations a core can do, measured by a loop of multiply-adds on registers.
public enum PeakMeasurement {
    /// GFLOP/s of the calling thread with the vectors of `isa`: the best of `slices` slices of about
    /// `milliseconds` each.
    public static func gflopsPerCore(isa: ISALevel, slices: Int = 24, milliseconds: Double = 5) -> Double {
        let probe = KernelSelection.table(for: isa).peakProbe
        let clock = ContinuousClock()
        var iterations = 1 << 12
        var best = 0.0
        var sink: Float = 0
        // Grow to the slice's length first; those runs warm the core up too.
        while seconds(clock.measure { sink += probe.run(iterations) }) * 1e3 < milliseconds {
            iterations *= 2
        }
        for _ in 0..<slices {
            let elapsed = seconds(clock.measure { sink += probe.run(iterations) })
            best = max(best, Double(iterations * probe.flopsPerIteration) / elapsed / 1e9)
        }
        // A use of the sums that the optimiser cannot prove away.
        return sink.isNaN ? 0 : best
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
