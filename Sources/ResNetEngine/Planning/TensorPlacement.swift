import Kernels

/// How the features of one image lie in memory.
public enum Layout: String, Sendable, Hashable {
    /// `[c/16] h w 16`, the lanes above the last channel zero.
    case blocked
    /// `c h w`.
    case planar
    /// As `blocked`, of bfloat16 numbers: those of channels 2i and 2i + 1 in the place of a float. Only for a map that its
    /// maker and all of its readers say they take so.
    case blockedPairs
    /// As `planar`, of bfloat16 numbers: those of columns 2i and 2i + 1, the halo's counted too, in the place of a float. The
    /// number that goes with the last one of an odd row is 0. Only for a network's input of which all readers say that they
    /// take it so.
    case planarPairs
}

extension Layout {
    /// Channel blocks of numbers of a precision.
    static func blocked(_ precision: Precision) -> Layout {
        precision == .bfloat16 ? .blockedPairs : .blocked
    }

    /// Whole channels of numbers of a precision.
    static func planar(_ precision: Precision) -> Layout {
        precision == .bfloat16 ? .planarPairs : .planar
    }

    /// Whether channels lie one after the other, without blocks of them.
    public var isPlanar: Bool { self == .planar || self == .planarPairs }

    /// Rows and columns around a map of which a reader wants `halo`: of pairs an even number, and at least one more, since whole
    /// pairs are read.
    func halo(_ halo: Int) -> Int { self == .planarPairs ? halo / 2 * 2 + 2 : halo }
}

/// Who holds a tensor.
enum Scope: Sendable, Hashable {
    /// One worker, within a phase: as many images as it takes at once where the tensor is read.
    case worker
    /// All of them, across phases: the whole batch.
    case batch
}

/// Where the features at an edge lie in an arena, with a halo of zeros around each map.
public struct TensorPlacement: Sendable, Hashable {
    public internal(set) var shape: FeatureShape
    public internal(set) var layout: Layout
    public internal(set) var halo: Int
    var scope: Scope
    /// Images of it that a worker has at once, a power of two.
    var images = 1
    /// Floats from the start of the arena of its scope; in the batch arena, floats a row.
    var offset = 0
    /// Whether its halo may hold values of another tensor that used the memory before.
    var clearsHalo = false

    /// What ``images`` must be for as many to lie side by side.
    static func capacity(images: Int) -> Int { 1 << (Int.bitWidth - max(images - 1, 0).leadingZeroBitCount) }

    /// Floats of one pixel of a block of channels; 1 where it is planar, and nothing to count with where two
    /// columns share the place of a float.
    public var pixelStride: Int { layout.isPlanar ? 1 : blockWords(isNarrow: isNarrow) }
    /// Floats, or places of them, that some columns take; a pair of which one column is asked for takes one.
    func words(ofColumns count: Int) -> Int { layout == .planarPairs ? (count + 1) / 2 : count * pixelStride }
    /// Bytes of one pixel of all planes.
    var pixelBytes: Int { planes * (layout == .planarPairs ? 2 : 4 * pixelStride) }
    /// Whether it holds bfloat16 numbers, two in the place of a float.
    var isNarrow: Bool { layout == .blockedPairs || layout == .planarPairs }
    var precision: Precision { isNarrow ? .bfloat16 : .float32 }
    public var rowStride: Int { words(ofColumns: shape.width + 2 * halo) }
    /// Floats of one plane's map, halo and all.
    private var mapSize: Int { (shape.height + 2 * halo) * rowStride }
    /// Floats from one channel block, or channel, to the next: never a multiple of 4 KiB, which would put a pixel's
    /// lines of all blocks into the same set of the first-level cache.
    public var planeStride: Int {
        !layout.isPlanar && planes > 1 && mapSize % 1024 == 0 ? mapSize + 5 * channelBlock : mapSize
    }
    public var planes: Int { layout.isPlanar ? shape.channels : blocks(ofChannels: shape.channels) }
    /// Floats of one image, a whole number of cache lines.
    var elementCount: Int { (planes * planeStride + 15) / 16 * 16 }
    /// Bytes of one image's numbers, padding not counted.
    var featureBytes: Int { (isNarrow ? 2 : 4) * shape.elementCount }
    /// Floats from the start of an image to its pixel (0, 0).
    var origin: Int { halo * rowStride + words(ofColumns: halo) }

    /// A number of a row of a channel block, or of a channel, counted from the row's start.
    func number(_ index: Int, of row: UnsafePointer<Float>) -> Float {
        guard isNarrow else { return row[index] }
        return Float(bfloat16: UnsafeRawPointer(row).assumingMemoryBound(to: UInt16.self)[index])
    }

    /// Zeroes the halo of the image that starts at `image`.
    func clearHalo(at image: UnsafeMutablePointer<Float>) {
        for plane in 0..<planes {
            let start = image + plane * planeStride
            let (band, side) = (halo * rowStride, words(ofColumns: halo))
            start.update(repeating: 0, count: band)
            (start + (mapSize - band)).update(repeating: 0, count: band)
            for row in halo..<halo + shape.height {
                (start + row * rowStride).update(repeating: 0, count: side)
                (start + ((row + 1) * rowStride - side)).update(repeating: 0, count: side)
            }
        }
    }
}
