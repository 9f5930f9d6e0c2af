/// The kernels of one instruction set, every slot filled.
public struct KernelTable: Sendable {
    /// The name of the instruction set: `avx2`.
    public let isa: String
    /// Convolution candidates, best first; the last takes every problem.
    public var convolutions: [ConvolutionKernel]
    public var linear: LinearKernel
    /// That of inputs and weights of bfloat16.
    public var narrowLinear: LinearKernel
    public var channelAffine: @Sendable (UnsafePointer<ChannelAffineCall>) -> Void
    public var rowStatistics: @Sendable (UnsafePointer<RowStatisticsCall>) -> Void
    public var maximumPooling: @Sendable (UnsafePointer<PoolingCall>) -> Void
    public var meanPooling: @Sendable (UnsafePointer<PoolingCall>) -> Void
    public var rowSum: @Sendable (UnsafePointer<RowSumCall>) -> Void
    public var winogradInput: @Sendable (UnsafePointer<WinogradInputCall>) -> Void
    public var winogradOutput: @Sendable (UnsafePointer<WinogradOutputCall>) -> Void
    /// To maps of bfloat16.
    public var narrowWinogradOutput: @Sendable (UnsafePointer<WinogradOutputCall>) -> Void
    /// The transforms of ``WinogradForm/pairsOfTwo``.
    public var winogradOfTwo: WinogradOfTwo
    /// Floats in a vector.
    public let lanes: Int
    public var peakProbe: PeakProbe

    /// The instruction set of the best kernels that take pairs, an extension of `isa` where there is one.
    public var pairsISA: String { convolutions.first { $0.takesPairs }?.isa ?? "" }

    /// The table of an instruction set, made from the bodies that its module instantiated.
    public init(isa: String, _ bodies: KernelBodies, pairs: PairBodies) {
        func direct(
            _ family: String, _ layout: ConvolutionProblem.InputLayout, stride: Int?, kernel: (Int, Int)?,
            maximumChannels: Int = .max, _ run: @escaping KernelBodies.Convolution
        ) -> ConvolutionKernel {
            ConvolutionKernel(
                name: "\(family).f32.\(bodies.pixels)x\(bodies.panelLanes).\(isa)",
                panelLanes: bodies.panelLanes, tilePixels: bodies.pixels,
                supports: {
                    ConvolutionKernel.directSupport(
                        $0, layout: layout, stride: stride, kernel: kernel,
                        maximumChannels: maximumChannels)
                },
                run: run)
        }
        self.isa = isa
        convolutions = [
            direct("conv3x3", .blocked, stride: 1, kernel: (3, 3), bodies.blocked),
            direct(
                "conv1x1few", .blocked, stride: 1, kernel: (1, 1), maximumChannels: 4 * channelBlock,
                bodies.blockedShort),
            direct("conv1x1", .blocked, stride: 1, kernel: (1, 1), bodies.blocked),
            direct("convnxn", .blocked, stride: bodies.takesAnyStride ? nil : 1, kernel: nil, bodies.blocked),
            direct("convnxns2", .blocked, stride: 2, kernel: nil, bodies.blockedStride2),
            direct("conv3x3planar", .planar, stride: 1, kernel: (3, 3), bodies.planar),
            direct(
                "convnxnplanar", .planar, stride: bodies.takesAnyStride ? nil : 1, kernel: nil, bodies.planar),
            direct("convnxns2planar", .planar, stride: 2, kernel: nil, bodies.planarStride2),
        ]
        convolutions += pairs.convolutions(isa: isa)
        convolutions.append(ReferenceConvolution.kernel)
        linear = LinearKernel(
            name: "linear.f32.\(bodies.rowTile)x\(bodies.outputTile).\(isa)", tileOutputs: bodies.outputTile,
            lanes: bodies.lanes, run: bodies.linear)
        narrowLinear = LinearKernel(
            name: "linear.bf16.\(bodies.rowTile)x\(bodies.outputTile).\(isa)", tileOutputs: bodies.outputTile,
            lanes: bodies.lanes, isNarrow: true, run: bodies.narrowLinear)
        channelAffine = bodies.channelAffine
        rowStatistics = bodies.rowStatistics
        maximumPooling = bodies.maximumPooling
        meanPooling = bodies.meanPooling
        rowSum = bodies.rowSum
        winogradInput = bodies.winogradInput
        winogradOutput = bodies.winogradOutput
        narrowWinogradOutput = pairs.winogradOutput
        winogradOfTwo = pairs.winogradOfTwo
        lanes = bodies.lanes
        peakProbe = PeakProbe(flopsPerIteration: 2 * bodies.chains * bodies.lanes, run: bodies.peakProbe)
    }
}

/// What an ISA module instantiates: the kernel bodies with its own tag, and their tiles. Closures and numbers only,
/// so that the module emits no other code.
public struct KernelBodies: Sendable {
    public typealias Convolution = @Sendable (UnsafePointer<ConvolutionCall>) -> Void

    let blocked: Convolution
    let blockedShort: Convolution
    let blockedStride2: Convolution
    let planar: Convolution
    let planarStride2: Convolution
    let linear: @Sendable (UnsafePointer<LinearCall>) -> Void
    let narrowLinear: @Sendable (UnsafePointer<LinearCall>) -> Void
    let channelAffine: @Sendable (UnsafePointer<ChannelAffineCall>) -> Void
    let rowStatistics: @Sendable (UnsafePointer<RowStatisticsCall>) -> Void
    let maximumPooling: @Sendable (UnsafePointer<PoolingCall>) -> Void
    let meanPooling: @Sendable (UnsafePointer<PoolingCall>) -> Void
    let rowSum: @Sendable (UnsafePointer<RowSumCall>) -> Void
    let winogradInput: @Sendable (UnsafePointer<WinogradInputCall>) -> Void
    let winogradOutput: @Sendable (UnsafePointer<WinogradOutputCall>) -> Void
    let peakProbe: @Sendable (_ iterations: Int) -> Float
    let lanes: Int
    let panelLanes: Int
    /// Output pixels of a tile.
    let pixels: Int
    /// Whether the bodies address every pixel by itself.
    let takesAnyStride: Bool
    let rowTile: Int
    let outputTile: Int
    let chains: Int

    @usableFromInline
    init(
        blocked: @escaping Convolution, blockedShort: @escaping Convolution,
        blockedStride2: @escaping Convolution, planar: @escaping Convolution,
        planarStride2: @escaping Convolution, linear: @escaping @Sendable (UnsafePointer<LinearCall>) -> Void,
        narrowLinear: @escaping @Sendable (UnsafePointer<LinearCall>) -> Void,
        channelAffine: @escaping @Sendable (UnsafePointer<ChannelAffineCall>) -> Void,
        rowStatistics: @escaping @Sendable (UnsafePointer<RowStatisticsCall>) -> Void,
        maximumPooling: @escaping @Sendable (UnsafePointer<PoolingCall>) -> Void,
        meanPooling: @escaping @Sendable (UnsafePointer<PoolingCall>) -> Void,
        rowSum: @escaping @Sendable (UnsafePointer<RowSumCall>) -> Void,
        winogradInput: @escaping @Sendable (UnsafePointer<WinogradInputCall>) -> Void,
        winogradOutput: @escaping @Sendable (UnsafePointer<WinogradOutputCall>) -> Void,
        peakProbe: @escaping @Sendable (Int) -> Float, lanes: Int, panelLanes: Int, pixels: Int,
        takesAnyStride: Bool, rowTile: Int, outputTile: Int, chains: Int
    ) {
        self.blocked = blocked
        self.blockedShort = blockedShort
        self.blockedStride2 = blockedStride2
        self.planar = planar
        self.planarStride2 = planarStride2
        self.linear = linear
        self.narrowLinear = narrowLinear
        self.channelAffine = channelAffine
        self.rowStatistics = rowStatistics
        self.maximumPooling = maximumPooling
        self.meanPooling = meanPooling
        self.rowSum = rowSum
        self.winogradInput = winogradInput
        self.winogradOutput = winogradOutput
        self.peakProbe = peakProbe
        self.lanes = lanes
        self.panelLanes = panelLanes
        self.pixels = pixels
        self.takesAnyStride = takesAnyStride
        self.rowTile = rowTile
        self.outputTile = outputTile
        self.chains = chains
    }
}

/// The tiles of one instruction set. Convolution tiles: `vectors` vectors × `segments` pieces of `pixels` pixels; where
/// `vectors · lanes` is more than a channel block, a last block by itself takes `lastVectors` × `lastSegments` single
/// pixels. Linear tiles: `rowTile` × `outputTile`. The probe has `chains` chains.
public enum KernelTiles<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let lastVectors: Int,
    let lastSegments: Int, let rowTile: Int, let outputTile: Int, let chains: Int
> {
    @usableFromInline
    typealias Direct<let pixelStride: Int, let inputChannels: Int, let asksAhead: Int> = DirectConvolution<
        I, vectors, segments, pixels, lastVectors, lastSegments, pixelStride, inputChannels, asksAhead
    >

    @inlinable @inline(__always)
    public static func bodies() -> KernelBodies {
        KernelBodies(
            blocked: { pixels == 1 ? Direct<0, 16, 1>.run($0) : Direct<16, 16, 1>.run($0) },
            blockedShort: { pixels == 1 ? Direct<0, 16, 0>.run($0) : Direct<16, 16, 0>.run($0) },
            blockedStride2: { pixels == 1 ? Direct<0, 16, 1>.run($0) : Direct<32, 16, 1>.run($0) },
            planar: { pixels == 1 ? Direct<0, 1, 1>.run($0) : Direct<1, 1, 1>.run($0) },
            planarStride2: { pixels == 1 ? Direct<0, 1, 1>.run($0) : Direct<2, 1, 1>.run($0) },
            linear: { DotLinear<I, rowTile, outputTile, 0>.run($0) },
            narrowLinear: { DotLinear<I, rowTile, outputTile, 1>.run($0) },
            channelAffine: { ChannelAffine<I>.run($0) },
            rowStatistics: { RowStatistics<I>.run($0) },
            maximumPooling: { MaximumPooling<I>.run($0) },
            meanPooling: { MeanPooling<I>.run($0) },
            rowSum: { RowSum<I>.run($0) },
            winogradInput: { WinogradInput<I>.run($0) },
            winogradOutput: { WinogradOutput<I>.run($0) },
            peakProbe: { MultiplyAddProbe<I, chains>.run($0) },
            lanes: I.lanes, panelLanes: vectors &* I.lanes, pixels: segments &* pixels,
            takesAnyStride: pixels == 1, rowTile: rowTile, outputTile: outputTile, chains: chains)
    }
}
