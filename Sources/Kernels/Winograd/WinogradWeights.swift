import CSIMD

/// The matrices of the transforms that inputs and outputs go through, by rows of six: F(4, 3), and F(3, 3) and F(2, 3) with
/// zeros for what they do not have; by rows of four: F(2, 3) by itself.
public enum WinogradMatrices {
    /// `Bᵀ` and `Aᵀ` of ``WinogradForm/pairsOfTwo``.
    public static let ofTwo = (
        input: [[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]],
        output: [[1.0, 1, 1, 0], [0, 1, -1, 1]]
    )

    private static let (near, far) = (0.5.squareRoot(), 2.0.squareRoot())

    /// `Bᵀ`.
    public static func input(outputs: Int = 4) -> [[Double]] {
        let none = [0.0, 0, 0, 0, 0, 0]
        return switch outputs {
        case 2:
            [
                [1, 0, -2, 0, 0, 0], [0, -1.5 * near, -1.5, 0, 0, 0], [0, 1.5 * near, -1.5, 0, 0, 0], none,
                none, [0, -0.5, 0, 1, 0, 0],
            ]
        case 3:
            [
                [1, -near, -2, far, 0, 0], [0, -1.5 * far, -1.5, 1.5 * far, 0, 0],
                [0, near, -1.5, near, 0, 0], [0, -far, 0, 2 * far, 0, 0], none,
                [0, near, -0.5, -far, 1, 0],
            ]
        default:
            [
                [1, 0, -2.5, 0, 1, 0], [0, -far, -2, near, 1, 0], [0, far, -2, -near, 1, 0],
                [0, -near, -0.5, far, 1, 0], [0, near, -0.5, -far, 1, 0], [0, 1, 0, -2.5, 0, 1],
            ]
        }
    }

    /// `Aᵀ`.
    public static func output(outputs: Int = 4) -> [[Double]] {
        switch outputs {
        case 2: [[1, 1, 1, 0, 0, 0], [0, near, -near, 0, 0, 1]]
        case 3: [[1, 1, 1, 1, 0, 0], [0, near, -near, far, 0, 0], [0, 0.5, 0.5, 2, 0, 1]]
        default:
            [
                [1, 1, 1, 1, 1, 0], [0, near, -near, far, -far, 0], [0, 0.5, 0.5, 2, 2, 0],
                [0, near / 2, -near / 2, 2 * far, -2 * far, 1],
            ]
        }
    }
}

/// The weights' side of Winograd's F(4×4, 3×3) and F(2×2, 3×3), in float64 rounded once.
public enum WinogradWeights {
    /// Products of a tile of 4×4 outputs, in rows of six.
    public static let elements = 36
    /// Outputs of a tile along one side.
    public static let tile = 4

    /// `G g Gᵀ` of nine taps in rows of three, each handed to `store` with its index.
    @inlinable @inline(__always)
    public static func transform<V: SIMD<Double>>(
        _ g: (_ tap: Int) -> V, store: (_ element: Int, V) -> Void
    ) {
        var rows = InlineArray<18, V>(repeating: .zero)
        for s in 0..<3 { transform(g(s), g(3 + s), g(6 + s)) { rows[$0 * 3 + s] = $1 } }
        for r in 0..<6 {
            transform(rows[r * 3], rows[r * 3 + 1], rows[r * 3 + 2]) { store(r * 6 + $0, $1) }
        }
    }

    /// `G g`: the filter's polynomial at each point, divided by the product of the point's distances from the others.
    @inlinable @inline(__always)
    static func transform<V: SIMD<Double>>(
        _ g0: V, _ g1: V, _ g2: V, store: (_ element: Int, V) -> Void
    ) {
        let (small, large) = (0.5.squareRoot(), 2.0.squareRoot())
        let (near, nearOdd) = ((g0 + g2 * 0.5) * (-1 / 1.5), g1 * (-small / 1.5))
        let (far, farOdd) = ((g0 + g2 * 2) * (1.0 / 6), g1 * (large / 6))
        store(0, g0)
        store(1, near + nearOdd)
        store(2, near - nearOdd)
        store(3, far + farOdd)
        store(4, far - farOdd)
        store(5, g2)
    }

    /// As `transform`, for F(2×2, 3×3): elements in rows of four.
    @inlinable @inline(__always)
    public static func transformToTwo<V: SIMD<Double>>(
        _ g: (_ tap: Int) -> V, store: (_ element: Int, V) -> Void
    ) {
        var rows = InlineArray<12, V>(repeating: .zero)
        for s in 0..<3 { transformToTwo(g(s), g(3 + s), g(6 + s)) { rows[$0 * 3 + s] = $1 } }
        for r in 0..<4 {
            transformToTwo(rows[r * 3], rows[r * 3 + 1], rows[r * 3 + 2]) { store(r * 4 + $0, $1) }
        }
    }

    @inlinable @inline(__always)
    static func transformToTwo<V: SIMD<Double>>(
        _ g0: V, _ g1: V, _ g2: V, store: (_ element: Int, V) -> Void
    ) {
        let even = (g0 + g2) * 0.5
        store(0, g0)
        store(1, even + g1 * 0.5)
        store(2, even - g1 * 0.5)
        store(3, g2)
    }

    /// Packs one panel of every element's products as `ConvolutionWeights` packs those of a 1×1 convolution, runs one
    /// channel block long, phase after phase; where products are of pairs, as it packs pairs.
    ///
    /// - Parameters:
    ///   - filters: of 3×3 taps, in one group.
    ///   - packed: where the first element's first panel starts; zeros.
    public static func pack(
        _ filters: FilterBank, panelLanes: Int, panel: Int, _ offsets: WinogradWeightOffsets,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let inputs = filters.size / 9
        let channels = blocks(ofChannels: filters.count) * channelBlock
        let first = panel * panelLanes
        let lanes = min(panelLanes, channels - first)
        let (phases, elements) = (offsets.phases, offsets.form.elements)
        // Some input channels at a time, pairs of them: an element's place is far from the next one's.
        let atOnce = 4
        withUnsafeTemporaryAllocation(of: Float.self, capacity: elements * atOnce * lanes) { scratch in
            guard let scratch = scratch.baseAddress else { return }
            for phase in 0..<phases.count {
                let taps = InlineArray<9, Int> { phases.tap($0, ofPhase: phase) ?? -1 }
                for c in stride(from: 0, to: inputs, by: atOnce) {
                    let count = min(atOnce, inputs - c)
                    for i in 0..<count {
                        for lane in stride(from: 0, to: lanes, by: 4) {
                            let rest = min(max(filters.count - first - lane, 0), 4)
                            let place = scratch + (i * lanes + lane)
                            pack(
                                offsets.form, filters, k: first + lane, rest, channel: c + i, taps,
                                stride: atOnce * lanes, place)
                        }
                    }
                    for element in 0..<elements {
                        let range = phases.range(of: element)
                        guard range.contains(phase) else { continue }
                        let own =
                            packed + (offsets.starts[element] + first * offsets.reduction(of: element))
                        let channel = (phase - range.lowerBound) * offsets.blocks * channelBlock + c
                        let values = scratch + element * atOnce * lanes
                        if offsets.form.takesPairs {
                            narrow(values, count: count, lanes: lanes, to: own + channel / 2 * lanes)
                        } else {
                            (own + channel * lanes).update(from: values, count: count * lanes)
                        }
                    }
                }
            }
        }
    }

    /// Rounds some channels, the first of which has an even number, to bfloat16: pairs of them lane by lane.
    private static func narrow(
        _ values: UnsafePointer<Float>, count: Int, lanes: Int, to place: UnsafeMutablePointer<Float>
    ) {
        let halves = UnsafeMutableRawPointer(place).assumingMemoryBound(to: UInt16.self)
        for channel in 0..<count {
            for lane in 0..<lanes {
                halves[(channel / 2 * lanes + lane) * 2 + channel % 2] =
                    values[channel * lanes + lane].bfloat16
            }
        }
    }

    /// The elements of `count` filters from `k` on, at most four, and zeros after them: one input channel of each.
    /// `taps` says which of the filter's stand where; -1 for 0.
    @inline(__always)
    private static func pack(
        _ form: WinogradForm, _ filters: FilterBank, k: Int, _ count: Int, channel: Int,
        _ taps: InlineArray<9, Int>, stride: Int, _ place: UnsafeMutablePointer<Float>
    ) {
        var scales = SIMD4<Double>.zero
        for lane in 0..<count { scales[lane] = filters.scales[k + lane] }
        // Those that are not there read the first one's, which may be no numbers.
        let isThere = SIMD4<Int64>(0, 1, 2, 3) .< SIMD4(repeating: Int64(count))
        func start(_ lane: Int) -> UnsafePointer<Float> {
            filters.weights + ((lane < count ? k + lane : 0) * filters.size + 9 * channel)
        }
        let (s0, s1, s2, s3) = (start(0), start(1), start(2), start(3))
        @inline(__always) func scaled(_ place: Int) -> SIMD4<Double> {
            let tap = taps[place]
            guard tap >= 0 else { return .zero }
            let taps = SIMD4(Double(s0[tap]), Double(s1[tap]), Double(s2[tap]), Double(s3[tap]))
            return SIMD4.zero.replacing(with: taps * scales, where: isThere)
        }
        @inline(__always) func store(_ element: Int, _ values: SIMD4<Double>) {
            UnsafeMutableRawPointer(place + element * stride)
                .storeBytes(of: csimd_floats(values), as: SIMD4<Float>.self)
        }
        switch form {
        case .four: transform(scaled, store: store)
        case .pairsOfTwo: transformToTwo(scaled, store: store)
        }
    }
}
