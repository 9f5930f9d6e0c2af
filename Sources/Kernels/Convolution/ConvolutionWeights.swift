/// The filters of a convolution as they stand in a tensor `k c/groups r s`, and what each is multiplied by.
public struct FilterBank {
    /// `[k][size]`.
    public let weights: UnsafePointer<Float>
    /// Of each filter.
    public let scales: UnsafePointer<Double>
    public let count: Int
    /// Weights of a filter.
    public let size: Int
    /// Filters of a group. Those of another group read other input channels.
    public let groupCount: Int

    public init(
        weights: UnsafePointer<Float>, scales: UnsafePointer<Double>, count: Int, size: Int, groupCount: Int
    ) {
        self.weights = weights
        self.scales = scales
        self.count = count
        self.size = size
        self.groupCount = groupCount
    }
}

/// Packs convolution weights into the order in which the direct kernels read them:
/// `[panel][run][runLength][panel lanes]`, zeros where channels are padding.
public enum ConvolutionWeights {
    /// Floats of the packed weights of a convolution with `reduction` = runs · run length.
    public static func elementCount(reduction: Int, outputChannels: Int) -> Int {
        reduction * blocks(ofChannels: outputChannels) * channelBlock
    }

    /// Panels of `panelLanes` channels, of which the last may have fewer, in whole channel blocks.
    public static func panelCount(outputChannels: Int, panelLanes: Int) -> Int {
        (blocks(ofChannels: outputChannels) * channelBlock + panelLanes - 1) / panelLanes
    }

    /// Packs one panel, weights multiplied by their scale in float64 and rounded once.
    ///
    /// - Parameters:
    ///   - packed: where the first panel starts.
    ///   - positions: where in a filter of all input channels each element of the reduction stands: `(c · R + r) · S + s`.
    ///     Before the first channel, beyond the last one, or in another group, it is 0.
    public static func pack(
        _ filters: FilterBank, positions: UnsafeBufferPointer<Int>, panelLanes: Int, panel: Int,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let first = packed + panel * panelLanes * positions.count
        forEachWeight(filters, positions, panelLanes: panelLanes, panel: panel) { place, weight in
            first[place] = weight
        }
    }

    /// As `pack`, rounded to bfloat16: two neighbouring elements of the reduction in the place of a float, so that
    /// `[panel][run][runLength][panel lanes]` counts pairs.
    public static func packPairs(
        _ filters: FilterBank, positions: UnsafeBufferPointer<Int>, panelLanes: Int, panel: Int,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let first = UnsafeMutableRawPointer(packed + panel * panelLanes * positions.count / 2)
            .assumingMemoryBound(to: UInt16.self)
        let lanes = panelWidth(filters, panelLanes: panelLanes, panel: panel)
        forEachWeight(filters, positions, panelLanes: panelLanes, panel: panel) { place, weight in
            let (index, lane) = (place / lanes, place % lanes)
            first[(index / 2 * lanes + lane) * 2 + index % 2] = weight.bfloat16
        }
    }

    /// Lanes of a panel, the last of which may be narrower.
    private static func panelWidth(_ filters: FilterBank, panelLanes: Int, panel: Int) -> Int {
        min(panelLanes, blocks(ofChannels: filters.count) * channelBlock - panel * panelLanes)
    }

    /// Calls `body` with each weight of a panel and its place in `[element of the reduction][lane]`.
    @inline(__always)
    private static func forEachWeight(
        _ filters: FilterBank, _ positions: UnsafeBufferPointer<Int>, panelLanes: Int, panel: Int,
        _ body: (_ place: Int, _ weight: Float) -> Void
    ) {
        let lanes = panelWidth(filters, panelLanes: panelLanes, panel: panel)
        // Some at a time, so that a panel's lines stay in the first-level cache until all lanes are there.
        for start in stride(from: 0, to: positions.count, by: 64) {
            let end = min(start + 64, positions.count)
            for lane in 0..<lanes {
                let k = panel * panelLanes + lane
                var place = start * lanes + lane
                let isPadding = k >= filters.count
                let source = filters.weights + (isPadding ? 0 : k * filters.size)
                let scale = isPadding ? 0 : filters.scales[k]
                let firstOfGroup = k / filters.groupCount * filters.size
                for index in start..<end {
                    let position = positions[index] - firstOfGroup
                    let isInside = !isPadding && position >= 0 && position < filters.size
                    body(place, isInside ? Float(Double(source[position]) * scale) : 0)
                    place += lanes
                }
            }
        }
    }
}
