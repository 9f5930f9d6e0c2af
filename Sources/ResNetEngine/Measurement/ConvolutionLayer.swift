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
    /// Of the input, and of output and residual.
    public var inputPrecision = Precision.float32
    public var outputPrecision = Precision.float32
    public var hasBias = false
    public var residual = Residual.none
    public var rectifies = false
    /// The maximum pooling that the step does too, band by band.
    public var pooling: PoolingWindow?

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

    /// Whether a network's input of so few channels lies `c h w`: numbers of bfloat16 do where they are read in pairs of columns.
    var isUsuallyPlanar: Bool {
        geometry.inputChannels < channelBlock
            && (inputPrecision == .float32 || (geometry.strideWidth == 2 && geometry.dilationWidth == 1))
    }

    var layout: Layout { isPlanar ? .planar(inputPrecision) : .blocked(inputPrecision) }
    var input: FeatureShape { FeatureShape(channels: geometry.inputChannels, height: height, width: width) }

    /// Whether a map of it is of bfloat16 numbers.
    var takesBFloat16: Bool { (inputPrecision, outputPrecision) != (.float32, .float32) }

    /// Of the convolution, before any pooling.
    public var outputShape: FeatureShape { geometry.output(height: height, width: width) }

    /// What one kernel of a table computes: all of it, or one bundle of its groups.
    var kernelProblem: ConvolutionProblem {
        GroupBundles(geometry).geometry.problem(output: outputShape, inputLayout: layout)
    }
}

/// One linear layer of a network.
public struct LinearLayer: Sendable, Hashable {
    /// The map, or vector, whose features it reads.
    public var input: FeatureShape
    public var outputs: Int
    public var addsResidual = false
    /// Of the input; the output is float32.
    public var precision = Precision.float32
    public var rectifies = false

    public init(input: FeatureShape, outputs: Int) {
        self.input = input
        self.outputs = outputs
    }
}

/// One pooling of a network, by itself.
public struct PoolingLayer: Sendable, Hashable {
    public var kind: Pooling.Kind
    /// `nil`: the whole map.
    public var window: PoolingWindow?
    /// Of one image.
    public var input: FeatureShape
    public var inputPrecision = Precision.float32
    public var outputPrecision = Precision.float32

    public init(_ kind: Pooling.Kind, _ window: PoolingWindow?, input: FeatureShape) {
        self.kind = kind
        self.window = window
        self.input = input
    }
}

/// A layer, the number of images that it gets at once and what the caches hold then, written as one word:
///
///     conv:n32c64h28w28,k64r3s3,stride1,pad1,bias,relu,sum
///     conv:n1c3h224w224,k64r7s7,stride2,pad3,bias,relu,maxpool3/2/1
///     linear:n32c512,k1000
///     linear:n4c64h28w28,k10
///     maxpool:n1c64h112w112,r3s3,stride2,pad1
///     meanpool:n1c2048h7w7
///     conv:n1c64h28w28,k64r3s3,pad1,bias,relu,bf16
///
/// Options that are not written have the values of a plain layer: `n1`, `stride1`, `pad0`, `dil1`, `groups1`, no
/// `bias`, no `relu`, no residual (`sum`: written over it; `sum-apart`: a map of its own), no pooling after it (`maxpool`
/// and the window's size, stride and padding), windows that do not reach over the far edge (`ceil`). A pooling without
/// window takes the whole map. A number for both directions may be two, `stride2x1`, height first. Maps of fewer than 16
/// channels are `planar`, of `bf16` only with a stride of 2, others `blocked`, unless said. `bf16` says that maps hold bfloat16 numbers, `from-bf16` and
/// `to-bf16` that input or output alone do (a linear layer's output is float32 always). `halo1` says that the step clears a pixel around its output, and
/// `reuse97M` that 97 MiB of other data pass between two calls, `reuse97M1500us` that this takes as long; `aged350K`
/// before it that the last 350 KiB of these pass while the input is written and until it is read.
public struct LayerProblem: Sendable, Hashable {
    public enum Layer: Sendable, Hashable {
        case convolution(ConvolutionLayer)
        case linear(LinearLayer)
        case pooling(PoolingLayer)
    }

    public var images: Int
    public var layer: Layer
    /// Pixels around the output that the step clears, for a reader that pads; 0 where it clears none.
    public var clearedHalo = 0
    /// MiB of other data, a network's other weights and features, that pass through the caches between two calls; 0:
    /// nothing comes between them.
    public var reuseMebibytes = 0
    /// KiB of those that pass while the input is written and until it is read.
    public var agedKibibytes = 0
    /// Microseconds between two calls, in which others that share the caches use them too.
    public var reuseMicroseconds = 0

    public init(images: Int = 1, _ layer: Layer) {
        self.images = images
        self.layer = layer
    }
}
