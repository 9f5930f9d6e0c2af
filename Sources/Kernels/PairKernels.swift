/// The transforms of F(2×2, 3×3) of pairs.
public struct WinogradOfTwo: Sendable {
    /// `PairWinogradInput`.
    public var input: @Sendable (UnsafePointer<WinogradInputCall>) -> Void
    /// `PairWinogradOutput`.
    public var output: @Sendable (UnsafePointer<WinogradOutputCall>) -> Void

    @usableFromInline
    init(
        input: @escaping @Sendable (UnsafePointer<WinogradInputCall>) -> Void,
        output: @escaping @Sendable (UnsafePointer<WinogradOutputCall>) -> Void
    ) {
        self.input = input
        self.output = output
    }
}

/// What an ISA module instantiates of kernels that take bfloat16 numbers in pairs, and of those that end in them: closures
/// and numbers only.
public struct PairBodies: Sendable {
    let blocked: KernelBodies.Convolution
    let blockedStride2: KernelBodies.Convolution
    let planarStride2: KernelBodies.Convolution
    let winogradOutput: @Sendable (UnsafePointer<WinogradOutputCall>) -> Void
    let winogradOfTwo: WinogradOfTwo
    let panelLanes: Int
    /// Output pixels of a tile.
    let pixels: Int
    /// Whether the bodies address every pixel by itself.
    let takesAnyStride: Bool
    /// Vectors of products of single numbers in a cycle.
    let vectorsPerCycle: Double

    @usableFromInline
    init(
        blocked: @escaping KernelBodies.Convolution, blockedStride2: @escaping KernelBodies.Convolution,
        planarStride2: @escaping KernelBodies.Convolution,
        winogradOutput: @escaping @Sendable (UnsafePointer<WinogradOutputCall>) -> Void,
        winogradOfTwo: WinogradOfTwo, panelLanes: Int, pixels: Int, takesAnyStride: Bool,
        vectorsPerCycle: Double
    ) {
        self.blocked = blocked
        self.blockedStride2 = blockedStride2
        self.planarStride2 = planarStride2
        self.winogradOutput = winogradOutput
        self.winogradOfTwo = winogradOfTwo
        self.panelLanes = panelLanes
        self.pixels = pixels
        self.takesAnyStride = takesAnyStride
        self.vectorsPerCycle = vectorsPerCycle
    }

    func convolutions(isa: String) -> [ConvolutionKernel] {
        func direct(
            _ family: String, _ layout: ConvolutionProblem.InputLayout = .blockedPairs, stride: Int?,
            kernel: (Int, Int)?, dilates: Bool = true, _ run: @escaping KernelBodies.Convolution
        ) -> ConvolutionKernel {
            ConvolutionKernel(
                name: "\(family).bf16.\(pixels)x\(panelLanes).\(isa)", panelLanes: panelLanes,
                tilePixels: pixels, takesPairs: true, vectorsPerCycle: vectorsPerCycle,
                supports: {
                    if !dilates, $0.dilationWidth != 1 { return .no("dilation \($0.dilationWidth), takes 1") }
                    return ConvolutionKernel.directSupport(
                        $0, layout: layout, stride: stride, kernel: kernel, maximumChannels: .max)
                },
                run: run)
        }
        return [
            direct("conv3x3", stride: 1, kernel: (3, 3), blocked),
            direct("conv1x1", stride: 1, kernel: (1, 1), blocked),
            direct("convnxn", stride: takesAnyStride ? nil : 1, kernel: nil, blocked),
            direct("convnxns2", stride: 2, kernel: nil, blockedStride2),
            direct(
                "convnxns2planar", .planarPairs, stride: 2, kernel: nil, dilates: false, planarStride2),
        ]
    }
}

/// The tiles of kernels that take pairs, as those of `KernelTiles`.
public enum PairTiles<
    I: InstructionSet, let vectors: Int, let segments: Int, let pixels: Int, let lastVectors: Int,
    let lastSegments: Int
> {
    @usableFromInline typealias Pairs = PairProducts<I>
    @usableFromInline
    typealias Direct<let pixelStride: Int, let inputWords: Int> = DirectConvolution<
        Pairs, vectors, segments, pixels, lastVectors, lastSegments, pixelStride, inputWords, 1
    >

    @inlinable @inline(__always)
    public static func bodies(vectorsPerCycle: Double) -> PairBodies {
        let blocked: KernelBodies.Convolution = { pixels == 1 ? Direct<0, 8>.run($0) : Direct<8, 8>.run($0) }
        let blockedStride2: KernelBodies.Convolution = { Direct<16, 8>.run($0) }
        return PairBodies(
            blocked: blocked, blockedStride2: pixels == 1 ? blocked : blockedStride2,
            planarStride2: { pixels == 1 ? Direct<0, 1>.run($0) : Direct<1, 1>.run($0) },
            winogradOutput: { WinogradOutput<I>.runNarrow($0) },
            winogradOfTwo: WinogradOfTwo(
                input: { PairWinogradInput<I>.run($0) }, output: { PairWinogradOutput<I>.run($0) }),
            panelLanes: vectors &* I.lanes, pixels: segments &* pixels, takesAnyStride: pixels == 1,
            vectorsPerCycle: vectorsPerCycle)
    }
}

extension KernelTable {
    /// Puts kernels of an extension of the instruction set before those of the table that take pairs.
    public mutating func add(_ pairs: PairBodies, isa: String) {
        convolutions.insert(contentsOf: pairs.convolutions(isa: isa), at: 0)
        narrowWinogradOutput = pairs.winogradOutput
        winogradOfTwo = pairs.winogradOfTwo
    }
}
