/// Packs convolution weights into the order in which the direct kernels read them:
/// `[panel][step][stepLength][panel lanes]`, zeros where channels are padding.
public enum ConvolutionWeights {
    /// Floats of the packed weights of a convolution with `reduction` = steps · step length.
    public static func elementCount(reduction: Int, outputChannels: Int) -> Int {
        reduction * blocks(ofChannels: outputChannels) * channelBlock
    }

    /// - Parameters:
    ///   - panelLanes: channels of a panel; a last panel may have fewer, in whole channel blocks.
    ///   - weight: the weight of output channel `k` at position `l` of step `step`, or 0 for padding.
    public static func pack(
        into packed: UnsafeMutablePointer<Float>, outputChannels: Int, panelLanes: Int, stepCount: Int,
        stepLength: Int, weight: (_ k: Int, _ step: Int, _ l: Int) -> Float
    ) {
        let channels = blocks(ofChannels: outputChannels) * channelBlock
        var target = packed
        var first = 0
        while first < channels {
            let lanes = min(panelLanes, channels - first)
            for step in 0..<stepCount {
                for l in 0..<stepLength {
                    for lane in 0..<lanes {
                        let k = first + lane
                        target[lane] = k < outputChannels ? weight(k, step, l) : 0
                    }
                    target += lanes
                }
            }
            first += lanes
        }
    }
}
