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
        let (direct, winograd) = (Self.directCycles(problem, lanes), Self.winogradCycles(problem, lanes))
        if let reason = Self.rejection(problem) {
            self = .direct(reason: reason)
        } else if exact {
            self = .direct(reason: "not exact")
        } else if winograd >= direct {
            self = .direct(reason: "expected to take \(winograd) cycles, direct \(direct)")
        } else {
            self = .winograd
        }
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
    private static func directCycles(_ problem: ConvolutionProblem, _ lanes: Int) -> Int {
        9 * channelPairs(problem) * problem.outputHeight * problem.outputWidth / (2 * lanes)
    }

    /// Products, transforms of some 150 cycles a vector of a tile, and the weights from beyond the worker's own caches at
    /// some 8 bytes a cycle.
    private static func winogradCycles(_ problem: ConvolutionProblem, _ lanes: Int) -> Int {
        let tile = WinogradWeights.tile
        let tiles = (problem.outputHeight + tile - 1) / tile * ((problem.outputWidth + tile - 1) / tile)
        let elements = WinogradWeights.elements
        let vectors =
            (blocks(ofChannels: problem.inputChannels) + blocks(ofChannels: problem.outputChannels))
            * channelBlock / lanes
        return elements * channelPairs(problem) * tiles / (2 * lanes) + 150 * tiles * vectors
            + 4 * elements * channelPairs(problem) / 8
    }

    private static func channelPairs(_ problem: ConvolutionProblem) -> Int {
        blocks(ofChannels: problem.inputChannels) * blocks(ofChannels: problem.outputChannels) * channelBlock
            * channelBlock
    }
}
