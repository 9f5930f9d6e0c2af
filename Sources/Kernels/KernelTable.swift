/// The kernels of one instruction set, every slot filled.
public struct KernelTable: Sendable {
    /// The name of the instruction set: `avx2`.
    public let isa: String
    /// Convolution candidates, best first; the last takes every problem.
    public var convolutions: [ConvolutionKernel]
    public var linear: LinearKernel
    public var channelAffine: @Sendable (UnsafePointer<ChannelAffineCall>) -> Void
    public var channelStatistics: @Sendable (UnsafePointer<ChannelStatisticsCall>) -> Void
    public var peakProbe: PeakProbe

    public init(
        isa: String, convolutions: [ConvolutionKernel], linear: LinearKernel,
        channelAffine: @escaping @Sendable (UnsafePointer<ChannelAffineCall>) -> Void,
        channelStatistics: @escaping @Sendable (UnsafePointer<ChannelStatisticsCall>) -> Void,
        peakProbe: PeakProbe
    ) {
        self.isa = isa
        self.convolutions = convolutions
        self.linear = linear
        self.channelAffine = channelAffine
        self.channelStatistics = channelStatistics
        self.peakProbe = peakProbe
    }
}

/// The tiles of one instruction set, from which its table is made. Convolution tiles: `vectors` × `pixels`, with
/// `lastVectors · lanes` = 16 where `vectors · lanes` is more than that. Linear tiles: `rowTile` × `outputTile`.
public enum KernelTiles<
    I: InstructionSet, let vectors: Int, let lastVectors: Int, let pixels: Int, let rowTile: Int,
    let outputTile: Int, let chains: Int
> {
    @inlinable @inline(__always)
    public static func table() -> KernelTable {
        typealias Blocked = DirectConvolution<I, vectors, lastVectors, pixels, 16>
        typealias BlockedStride2 = DirectConvolution<I, vectors, lastVectors, pixels, 32>
        typealias Planar = DirectConvolution<I, vectors, lastVectors, pixels, 1>
        typealias PlanarStride2 = DirectConvolution<I, vectors, lastVectors, pixels, 2>
        let blocked: @Sendable (UnsafePointer<ConvolutionCall>) -> Void = { Blocked.run($0) }
        let blockedStride2: @Sendable (UnsafePointer<ConvolutionCall>) -> Void = { BlockedStride2.run($0) }
        let planar: @Sendable (UnsafePointer<ConvolutionCall>) -> Void = { Planar.run($0) }
        let planarStride2: @Sendable (UnsafePointer<ConvolutionCall>) -> Void = { PlanarStride2.run($0) }
        return KernelTable(
            isa: I.name,
            convolutions: [
                direct("conv3x3", .blocked, stride: 1, kernel: (3, 3), blocked),
                direct("conv1x1", .blocked, stride: 1, kernel: (1, 1), blocked),
                direct("convnxn", .blocked, stride: 1, kernel: nil, blocked),
                direct("convnxns2", .blocked, stride: 2, kernel: nil, blockedStride2),
                direct("conv3x3planar", .planar, stride: 1, kernel: (3, 3), planar),
                direct("convnxnplanar", .planar, stride: 1, kernel: nil, planar),
                direct("convnxns2planar", .planar, stride: 2, kernel: nil, planarStride2),
                ReferenceConvolution.kernel,
            ],
            linear: LinearKernel(
                name: "linear.f32.\(rowTile)x\(outputTile).\(I.name)", tileOutputs: outputTile, lanes: I.lanes,
                run: { DotLinear<I, rowTile, outputTile>.run($0) }),
            channelAffine: { ChannelAffine<I>.run($0) },
            channelStatistics: { ChannelStatistics<I>.run($0) },
            peakProbe: PeakProbe(
                flopsPerIteration: 2 * chains * I.lanes, run: { MultiplyAddProbe<I, chains>.run($0) }))
    }

    @inlinable @inline(__always)
    static func direct(
        _ family: String, _ layout: ConvolutionProblem.InputLayout, stride: Int, kernel: (Int, Int)?,
        _ run: @escaping @Sendable (UnsafePointer<ConvolutionCall>) -> Void
    ) -> ConvolutionKernel {
        let panelLanes = vectors * I.lanes
        return ConvolutionKernel(
            name: "\(family).f32.\(pixels)x\(panelLanes).\(I.name)", panelLanes: panelLanes,
            supports: {
                ConvolutionKernel.directSupport($0, layout: layout, stride: stride, kernel: kernel)
            },
            run: run)
    }
}
