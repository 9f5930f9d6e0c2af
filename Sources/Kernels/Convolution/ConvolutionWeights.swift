/// Packs convolution weights into the order in which the direct kernels read them:
/// `[panel][run][runLength][panel lanes]`, zeros where channels are padding.
public enum ConvolutionWeights {
    /// Floats of the packed weights of a convolution with `reduction` = runs · run length.
    public static func elementCount(reduction: Int, outputChannels: Int) -> Int {
        reduction * blocks(ofChannels: outputChannels) * channelBlock
    }

    /// - Parameters:
    ///   - panelLanes: channels of a panel; a last panel may have fewer, in whole channel blocks.
    ///   - weight: the weight of output channel `k` at position `l` of run `run`, or 0 for padding.
    public static func pack(
        into packed: UnsafeMutablePointer<Float>, outputChannels: Int, panelLanes: Int, runCount: Int,
        runLength: Int, weight: (_ k: Int, _ run: Int, _ l: Int) -> Float
    ) {
        let channels = blocks(ofChannels: outputChannels) * channelBlock
        var target = packed
        var first = 0
        while first < channels {
            let lanes = min(panelLanes, channels - first)
            for run in 0..<runCount {
                for l in 0..<runLength {
                    for lane in 0..<lanes {
                        let k = first + lane
                        target[lane] = k < outputChannels ? weight(k, run, l) : 0
                    }
                    target += lanes
                }
            }
            first += lanes
        }
    }
}
