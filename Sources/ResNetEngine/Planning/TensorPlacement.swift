import Kernels

/// How the features of one image lie in memory.
public enum Layout: Sendable, Hashable {
    /// `[c/16] h w 16`, the lanes above the last channel zero.
    case blocked
    /// `c h w`.
    case planar
}

/// How long a tensor lives, and so how many images of it there are.
enum Scope: Sendable, Hashable {
    /// Within a stage that takes micro-batches: one of them.
    case microBatch
    /// Within a phase otherwise: one image group.
    case group
    /// Across phases: the whole batch, shared by all workers.
    case batch
}

/// Where the features at an edge lie in an arena, with a halo of zeros around each map.
public struct TensorPlacement: Sendable, Hashable {
    public internal(set) var shape: FeatureShape
    public internal(set) var layout: Layout
    public internal(set) var halo: Int
    var scope: Scope
    /// Floats from the start of the arena of its scope; in the batch arena, floats a row.
    var offset = 0
    /// Whether its halo may hold values of another tensor that used the memory before.
    public internal(set) var clearsHalo = false

    /// Floats of one pixel.
    public var pixelStride: Int { layout == .blocked ? channelBlock : 1 }
    public var rowStride: Int { (shape.width + 2 * halo) * pixelStride }
    /// Floats of one plane's map, halo and all.
    private var mapSize: Int { (shape.height + 2 * halo) * rowStride }
    /// Floats from one channel block, or channel, to the next: never a multiple of 4 KiB, which would put a pixel's
    /// lines of all blocks into the same set of the first-level cache.
    public var planeStride: Int {
        layout == .blocked && planes > 1 && mapSize % 1024 == 0 ? mapSize + 5 * channelBlock : mapSize
    }
    public var planes: Int { layout == .blocked ? blocks(ofChannels: shape.channels) : shape.channels }
    /// Floats of one image, a whole number of cache lines.
    var elementCount: Int { (planes * planeStride + 15) / 16 * 16 }
    /// Floats from the start of an image to its pixel (0, 0).
    var origin: Int { halo * (rowStride + pixelStride) }

    /// Zeroes the halo of the image that starts at `image`.
    public func clearHalo(at image: UnsafeMutablePointer<Float>) {
        for plane in 0..<planes {
            let start = image + plane * planeStride
            let (band, side) = (halo * rowStride, halo * pixelStride)
            start.update(repeating: 0, count: band)
            (start + (mapSize - band)).update(repeating: 0, count: band)
            for row in halo..<halo + shape.height {
                (start + row * rowStride).update(repeating: 0, count: side)
                (start + ((row + 1) * rowStride - side)).update(repeating: 0, count: side)
            }
        }
    }
}
