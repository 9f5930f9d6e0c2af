import Kernels

/// How a convolution is computed.
enum ConvolutionAlgorithm {
    /// By its definition, and why not by Winograd's algorithm.
    case direct(reason: String)
    /// Winograd's F(4×4, 3×3).
    case winograd

    /// The one that is expected to take less time. It depends on the problem and the instruction set alone, so that a row
    /// has the same bits in every batch.
    ///
    /// - Parameter exact: keeps to the definition's own products.
    init(_ problem: ConvolutionProblem, lanes: Int, exact: Bool) {
        if let reason = Self.rejection(problem) {
            self = .direct(reason: reason)
            return
        }
        if exact {
            self = .direct(reason: "rounds otherwise than the definition")
            return
        }
        let (direct, winograd) = (Self.directCycles(problem, lanes), Self.winogradCycles(problem, lanes))
        self =
            winograd < direct
            ? .winograd
            : .direct(reason: "expected to take \((winograd / direct).formattedRatio) times as long")
    }

    /// Why Winograd's F(4×4, 3×3) cannot compute a problem.
    static func rejection(_ problem: ConvolutionProblem) -> String? {
        let kernel = (problem.kernelHeight, problem.kernelWidth)
        if kernel != (3, 3) { return "\(kernel.0)x\(kernel.1), takes 3x3" }
        if (problem.strideHeight, problem.strideWidth) != (1, 1) {
            return "stride \(problem.strideHeight)x\(problem.strideWidth), takes 1x1"
        }
        if (problem.dilationHeight, problem.dilationWidth) != (1, 1) {
            return "dilation \(problem.dilationHeight)x\(problem.dilationWidth), takes 1x1"
        }
        if problem.groups != 1 { return "groups \(problem.groups), takes 1" }
        if problem.inputLayout != .blocked { return "\(problem.inputLayout) input, takes blocked" }
        return nil
    }

    /// Two multiply-adds of a vector a cycle.
    private static func directCycles(_ problem: ConvolutionProblem, _ lanes: Int) -> Double {
        9 * channelPairs(problem) * Double(problem.outputHeight) * Double(problem.outputWidth)
            / Double(2 * lanes)
    }

    /// Products, transforms of some 150 cycles a vector of a tile, and the weights: at some 32 bytes a cycle as long as
    /// they stay in a second-level cache of the usual size, else at some 4.
    private static func winogradCycles(_ problem: ConvolutionProblem, _ lanes: Int) -> Double {
        func tiles(_ size: Int) -> Double { (Double(size) / Double(WinogradWeights.tile)).rounded(.up) }
        let tiles = tiles(problem.outputHeight) * tiles(problem.outputWidth)
        let products = Double(WinogradWeights.elements) * channelPairs(problem)
        let vectors =
            Double(blocks(ofChannels: problem.inputChannels) + blocks(ofChannels: problem.outputChannels))
            * Double(channelBlock) / Double(lanes)
        let weightBytes = 4 * products
        return products * tiles / Double(2 * lanes) + 150 * tiles * vectors
            + weightBytes / (weightBytes > 524_288 ? 4 : 32)
    }

    private static func channelPairs(_ problem: ConvolutionProblem) -> Double {
        Double(blocks(ofChannels: problem.inputChannels) * channelBlock)
            * Double(blocks(ofChannels: problem.outputChannels) * channelBlock)
    }
}

extension Double {
    /// With one decimal.
    fileprivate var formattedRatio: String { "\((self * 10).rounded() / 10)" }
}
