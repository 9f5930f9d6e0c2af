import Kernels

/// A convolution to try a kernel on.
struct ConvolutionCase: Sendable, CustomStringConvertible {
    enum Residual: Sendable, CaseIterable { case none, apart, inPlace }

    var geometry: Convolution2D.Geometry
    var height: Int
    var width: Int
    var layout: Layout
    var hasBias: Bool
    var residual: Residual
    var rectifies: Bool

    /// `conv:c3h28w28,k64r3s3,stride1,pad1,…`: every number that makes the case.
    var description: String {
        let g = geometry
        var text =
            "conv:c\(g.inputChannels)h\(height)w\(width),k\(g.outputChannels)r\(g.kernelHeight)s\(g.kernelWidth)"
        text += ",stride\(g.strideHeight)x\(g.strideWidth),pad\(g.paddingHeight)x\(g.paddingWidth)"
        text += ",dil\(g.dilationHeight)x\(g.dilationWidth),groups\(g.groups),\(layout)"
        if hasBias { text += ",bias" }
        if residual != .none { text += residual == .apart ? ",sum" : ",sum-in-place" }
        return rectifies ? text + ",relu" : text
    }

    func problem(output: FeatureShape) -> ConvolutionProblem {
        geometry.problem(output: output, inputLayout: layout)
    }

    // MARK: - The cases

    /// Kernel sizes, strides and dilations that are tried; padding keeps the map's size at stride 1.
    private static let shapes: [(kernel: Int, stride: Int, dilation: Int, groups: Int)] = [
        (3, 1, 1, 1), (1, 1, 1, 1), (3, 2, 1, 1), (1, 2, 1, 1), (7, 2, 1, 1), (5, 1, 1, 1), (3, 1, 2, 1),
        (3, 3, 1, 1), (3, 1, 1, 2),
    ]

    /// Every map width 1 … 57, every number of input and of output channels 1 … 130, on small other extents, for
    /// every shape and layout; bias, residual and ReLU take turns.
    static func sweep() -> [ConvolutionCase] {
        var cases: [ConvolutionCase] = []
        for shape in shapes {
            for layout in [Layout.blocked, .planar] {
                for width in 1...57 {
                    append(&cases, shape, layout, channels: 5, filters: 20, width % 4 + 1, width)
                }
                for channels in 1...130 {
                    append(&cases, shape, layout, channels: channels, filters: 3, 2, 3)
                }
                for filters in 1...130 { append(&cases, shape, layout, channels: 4, filters: filters, 1, 9) }
            }
        }
        return cases
    }

    private static func append(
        _ cases: inout [ConvolutionCase], _ shape: (kernel: Int, stride: Int, dilation: Int, groups: Int),
        _ layout: Layout, channels: Int, filters: Int, _ height: Int, _ width: Int
    ) {
        let turn = cases.count
        var geometry = Convolution2D.Geometry(
            inputChannels: channels * shape.groups, outputChannels: filters * shape.groups,
            kernel: shape.kernel,
            stride: shape.stride, padding: shape.dilation * (shape.kernel / 2))
        geometry.dilationHeight = shape.dilation
        geometry.dilationWidth = shape.dilation
        geometry.groups = shape.groups
        cases.append(
            ConvolutionCase(
                geometry: geometry, height: height, width: width, layout: layout, hasBias: turn % 5 != 0,
                residual: Residual.allCases[turn % 3], rectifies: turn % 2 == 0))
    }
}
