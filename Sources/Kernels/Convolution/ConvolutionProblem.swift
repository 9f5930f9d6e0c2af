/// One convolution's geometry, batch size excluded: all that may decide which kernel computes it.
public struct ConvolutionProblem: Sendable, Hashable {
    /// How the channels of the input lie in memory.
    public enum InputLayout: String, Sendable, Hashable {
        /// `[c/16] h w 16`.
        case blocked
        /// The same of bfloat16 numbers.
        case blockedPairs
        /// `c h w`: images with few channels.
        case planar
        /// The same of bfloat16 numbers, read in pairs of columns.
        case planarPairs
    }

    public var inputChannels: Int
    public var outputChannels: Int
    public var outputHeight: Int
    public var outputWidth: Int
    public var kernelHeight: Int
    public var kernelWidth: Int
    public var strideHeight: Int
    public var strideWidth: Int
    public var dilationHeight: Int
    public var dilationWidth: Int
    public var groups: Int
    public var inputLayout: InputLayout

    public init(
        inputChannels: Int, outputChannels: Int, outputHeight: Int, outputWidth: Int,
        kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
        dilationHeight: Int = 1, dilationWidth: Int = 1, groups: Int = 1, inputLayout: InputLayout = .blocked
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.outputHeight = outputHeight
        self.outputWidth = outputWidth
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.strideHeight = strideHeight
        self.strideWidth = strideWidth
        self.dilationHeight = dilationHeight
        self.dilationWidth = dilationWidth
        self.groups = groups
        self.inputLayout = inputLayout
    }
}

/// A kernel candidate's answer to a problem.
public enum Support: Sendable, Hashable {
    case yes
    /// Why not, for people.
    case no(String)
}
