extension ConvolutionLayer {
    /// Kernel sizes, strides and dilations that are tried; padding keeps the map's size at stride 1.
    private static let shapes: [(kernel: Int, stride: Int, dilation: Int, groups: Int)] = [
        (3, 1, 1, 1), (1, 1, 1, 1), (3, 2, 1, 1), (1, 2, 1, 1), (7, 2, 1, 1), (5, 1, 1, 1), (3, 1, 2, 1),
        (3, 3, 1, 1), (3, 1, 1, 2), (3, 2, 2, 1), (4, 2, 1, 1),
    ]

    /// Each map width, each number of input and each of output channels, on small other extents, for every shape and
    /// layout; bias, residual and ReLU take turns.
    static func sweep(
        widths: [Int] = Array(1...57), channels: [Int] = Array(1...130), filters: [Int] = Array(1...130)
    ) -> [ConvolutionLayer] {
        var cases: [ConvolutionLayer] = []
        for shape in shapes {
            for layout in [Layout.blocked, .planar, .blockedPairs, .planarPairs]
            where layout != .blockedPairs || shape.stride < 3 {
                if layout == .planarPairs, shape.stride != 2 { continue }
                for width in widths {
                    append(&cases, shape, layout, channels: 5, filters: 20, width % 4 + 1, width)
                }
                for channels in channels {
                    append(&cases, shape, layout, channels: channels, filters: 3, 2, 3)
                }
                for filters in filters { append(&cases, shape, layout, channels: 4, filters: filters, 1, 9) }
                // Several rows of tiles of an algorithm that works on tiles.
                for height in 5...14 {
                    append(&cases, shape, layout, channels: 18, filters: 20, height, 16 - height)
                }
            }
        }
        return cases
    }

    private static func append(
        _ cases: inout [ConvolutionLayer], _ shape: (kernel: Int, stride: Int, dilation: Int, groups: Int),
        _ layout: Layout, channels: Int, filters: Int, _ height: Int, _ width: Int
    ) {
        let turn = cases.count
        // Other paddings where the map is large enough.
        let extraPadding = height > 4 && shape.kernel == 3 && shape.dilation == 1 ? turn % 3 - 1 : 0
        var geometry = Convolution2D.Geometry(
            inputChannels: channels * shape.groups, outputChannels: filters * shape.groups,
            kernel: shape.kernel,
            stride: shape.stride, padding: shape.dilation * (shape.kernel / 2) + extraPadding)
        geometry.dilationHeight = shape.dilation
        geometry.dilationWidth = shape.dilation
        geometry.groups = shape.groups
        var layer = ConvolutionLayer(geometry, height: height, width: width)
        layer.isPlanar = layout.isPlanar
        let isNarrow = layout == .blockedPairs || layout == .planarPairs
        if isNarrow { layer.inputPrecision = .bfloat16 }
        if turn % (isNarrow ? 2 : 7) == 0 { layer.outputPrecision = .bfloat16 }
        layer.hasBias = turn % 5 != 0
        layer.residual = Residual.allCases[turn % 3]
        layer.rectifies = turn % 2 == 0
        cases.append(layer)
    }
}
