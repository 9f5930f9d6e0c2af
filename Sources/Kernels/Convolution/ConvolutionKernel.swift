/// A convolution kernel candidate: its printable name, what it can compute and how to run it.
public struct ConvolutionKernel: Sendable {
    /// `family.type.tile.isa`, the tile as pixels × channels: `conv3x3.f32.3x32.avx2`.
    public let name: String
    /// Channels of a panel of packed weights.
    public let panelLanes: Int
    /// Output pixels of a tile.
    public let tilePixels: Int
    /// Whether inputs and weights are pairs of bfloat16 numbers.
    public let takesPairs: Bool
    /// Vectors of products that the kernel is expected to add in a cycle.
    public let vectorsPerCycle: Double
    public let supports: @Sendable (ConvolutionProblem) -> Support
    public let run: @Sendable (UnsafePointer<ConvolutionCall>) -> Void

    public init(
        name: String, panelLanes: Int, tilePixels: Int = 1, takesPairs: Bool = false,
        vectorsPerCycle: Double = 2,
        supports: @escaping @Sendable (ConvolutionProblem) -> Support,
        run: @escaping @Sendable (UnsafePointer<ConvolutionCall>) -> Void
    ) {
        self.name = name
        self.panelLanes = panelLanes
        self.tilePixels = tilePixels
        self.takesPairs = takesPairs
        self.vectorsPerCycle = vectorsPerCycle
        self.supports = supports
        self.run = run
    }
}

extension ConvolutionKernel {
    /// The last part of its name.
    public var isa: String { name.split(separator: ".").last.map(String.init) ?? "" }

    /// The reason why direct kernels of one pixel stride refuse a problem, or `yes`.
    ///
    /// - Parameters:
    ///   - stride: the only stride between columns accepted, or `nil` for any.
    ///   - kernel: the only height × width accepted, or `nil` for any.
    ///   - maximumChannels: the most input channels accepted.
    static func directSupport(
        _ problem: ConvolutionProblem, layout: ConvolutionProblem.InputLayout, stride: Int?,
        kernel: (height: Int, width: Int)?, maximumChannels: Int
    ) -> Support {
        if problem.groups != 1 { return .no("groups \(problem.groups), takes 1") }
        if problem.inputLayout != layout {
            return .no("\(problem.inputLayout.rawValue) input, takes \(layout.rawValue)")
        }
        if let stride, problem.strideWidth != stride {
            return .no("stride \(problem.strideWidth), takes \(stride)")
        }
        if let kernel, (problem.kernelHeight, problem.kernelWidth) != kernel {
            return .no(
                "\(problem.kernelHeight)x\(problem.kernelWidth), takes \(kernel.height)x\(kernel.width)")
        }
        if problem.inputChannels > maximumChannels {
            return .no("\(problem.inputChannels) input channels, takes at most \(maximumChannels)")
        }
        return .yes
    }
}
