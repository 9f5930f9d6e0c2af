import Kernels

/// How a grouped convolution is cut into ungrouped ones: bundles of as few groups as fill whole channel blocks, with zero
/// weights between the groups of a bundle.
///
/// What a group's inputs hold that is not finite spreads to the other groups of its bundle.
struct GroupBundles {
    let count: Int
    /// One bundle as a convolution of its own.
    let geometry: Convolution2D.Geometry

    init(_ geometry: Convolution2D.Geometry) {
        let inputs = geometry.inputChannels / geometry.groups
        let outputs = geometry.outputChannels / geometry.groups
        var groups = 1
        if geometry.groups > 1 {
            let fitting = (1...geometry.groups).first {
                geometry.groups % $0 == 0 && $0 * inputs % channelBlock == 0
                    && $0 * outputs % channelBlock == 0
            }
            groups = fitting ?? geometry.groups
        }
        count = geometry.groups / groups
        var bundle = geometry
        bundle.inputChannels = groups * inputs
        bundle.outputChannels = groups * outputs
        bundle.groups = 1
        self.geometry = bundle
    }

    /// A map with the channels of one bundle, where the first one's lie.
    static func view(_ placement: TensorPlacement, channels: Int) -> TensorPlacement {
        var view = placement
        view.shape.channels = channels
        return view
    }
}
