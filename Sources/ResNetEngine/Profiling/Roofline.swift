/// What bounds the speed of a layer on one core: arithmetic, or bytes from memory.
public struct Roofline: Sendable {
    /// The most that a core computes, in GFLOP/s.
    public var peakGflops: Double
    /// What a core gets from memory while all others read too, in GB/s; nil where not measured.
    public var gigabytesPerSecond: Double?

    public init(peakGflops: Double, gigabytesPerSecond: Double?) {
        self.peakGflops = peakGflops
        self.gigabytesPerSecond = gigabytesPerSecond
    }

    public enum Roof: String, Sendable {
        case compute
        case memory
    }

    /// The lower of both roofs at an intensity in floating-point operations a byte.
    ///
    /// - Returns: which it is and its GFLOP/s; nil at no intensity, or where the bandwidth is not known.
    public func roof(at intensity: Double) -> (kind: Roof, gflops: Double)? {
        guard let gigabytesPerSecond, intensity > 0 else { return nil }
        let memory = intensity * gigabytesPerSecond
        return memory < peakGflops ? (.memory, memory) : (.compute, peakGflops)
    }

    /// GFLOP/s of a layer as a share of its roof, in percent. It may be above 100: bytes that come from a cache are not
    /// bound by memory, and a convolution by Winograd does fewer operations than are counted.
    public func percent(of layer: NetworkProfile.Layer) -> Double? {
        roof(at: layer.intensity).map { 100 * layer.gflops / $0.gflops }
    }
}
