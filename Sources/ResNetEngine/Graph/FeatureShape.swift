/// The shape of one image's features, batch excluded: `c h w`. Vectors have `h` = `w` = 1.
public struct FeatureShape: Sendable, Hashable, CustomStringConvertible {
    public var channels: Int
    public var height: Int
    public var width: Int

    public init(channels: Int, height: Int = 1, width: Int = 1) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    public var elementCount: Int { channels * height * width }
    public var description: String { "(\(channels), \(height), \(width))" }
}
