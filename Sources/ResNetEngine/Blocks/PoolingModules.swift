import Diagnostics

/// `torch.nn.MaxPool2d`.
public struct MaxPool2d: LayerModule {
    public var window: PoolingWindow

    public init(kernel: Int, stride: Int, padding: Int = 0) {
        window = PoolingWindow(kernel: kernel, stride: stride, padding: padding)
    }

    public var parameters: [ParameterSpecification] { [] }
    public var summary: String {
        """
        MaxPool2d(kernel_size=\(window.kernelHeight), stride=\(window.strideHeight), \
        padding=\(window.paddingHeight), dilation=1, ceil_mode=False)
        """
    }
    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try Pooling(.maximum, window, node: path)
    }
}

/// `torch.nn.AvgPool2d` without padding; the last window of a row or column may reach over the edge
/// (`ceil_mode=True`), and averages what it covers (`count_include_pad=False`).
public struct AvgPool2d: LayerModule {
    public var window: PoolingWindow

    public init(kernel: Int, stride: Int) {
        window = PoolingWindow(kernel: kernel, stride: stride, coversEdges: true)
    }

    public var parameters: [ParameterSpecification] { [] }
    public var summary: String {
        """
        AvgPool2d(kernel_size=\(window.kernelHeight), stride=\(window.strideHeight), padding=0)
        """
    }
    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try Pooling(.mean, window, node: path)
    }
}

/// `torch.nn.AdaptiveAvgPool2d((1, 1))`: the mean of each channel.
public struct AdaptiveAvgPool2d: LayerModule {
    public init() {}
    public var parameters: [ParameterSpecification] { [] }
    public var summary: String { "AdaptiveAvgPool2d(output_size=(1, 1))" }
    public func operation(path: String, _ context: ParameterContext) throws(EngineError) -> any Operation {
        try Pooling(.mean, nil, node: path)
    }
}
