import Kernels

/// One convolution of a network with all that decides how it runs: what is measured, verified and reported.
public struct ConvolutionLayer: Sendable, Hashable {
    /// Where the residual comes from.
    public enum Residual: Sendable, Hashable, CaseIterable {
        case none
        /// A map of its own.
        case apart
        /// The map that the result is written over.
        case inPlace
    }

    public var geometry: Convolution2D.Geometry
    /// Input pixels.
    public var height: Int
    public var width: Int
    /// Whether the input lies `c h w`, else `[c/16] h w 16`.
    public var isPlanar: Bool
    public var hasBias = false
    public var residual = Residual.none
    public var rectifies = false

    /// - Parameters:
    ///   - geometry: the convolution's attributes.
    ///   - height: of the input, in pixels.
    ///   - width: of the input, in pixels.
    ///   - isPlanar: whether the input lies `c h w`; nil: where it has less than a block of channels.
    public init(_ geometry: Convolution2D.Geometry, height: Int, width: Int, isPlanar: Bool? = nil) {
        self.geometry = geometry
        self.height = height
        self.width = width
        self.isPlanar = isPlanar ?? (geometry.inputChannels < channelBlock)
    }

    var layout: Layout { isPlanar ? .planar : .blocked }
    var input: FeatureShape { FeatureShape(channels: geometry.inputChannels, height: height, width: width) }

    public var outputShape: FeatureShape { geometry.output(height: height, width: width) }

    /// What one kernel of a table computes: all of it, or one bundle of its groups.
    var kernelProblem: ConvolutionProblem {
        GroupBundles(geometry).geometry.problem(output: outputShape, inputLayout: layout)
    }
}

/// One linear layer of a network.
public struct LinearLayer: Sendable, Hashable {
    public var inputs: Int
    public var outputs: Int
    public var rectifies = false

    public init(inputs: Int, outputs: Int) {
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// A layer and the number of images that it gets at once, written as one word:
///
///     conv:n32c64h28w28,k64r3s3,stride1,pad1,bias,relu,sum
///     linear:n32c512,k1000
///
/// Options that are not written have the values of a plain layer: `n1`, `stride1`, `pad0`, `dil1`, `groups1`, no
/// `bias`, no `relu`, no residual (`sum`: written over it; `sum-apart`: a map of its own). A number for both
/// directions may be two, `stride2x1`, height first. Maps of fewer than 16 channels are `planar`, others `blocked`,
/// unless said.
public struct LayerProblem: Sendable, Hashable {
    public enum Layer: Sendable, Hashable {
        case convolution(ConvolutionLayer)
        case linear(LinearLayer)
    }

    public var images: Int
    public var layer: Layer

    public init(images: Int = 1, _ layer: Layer) {
        self.images = images
        self.layer = layer
    }
}
