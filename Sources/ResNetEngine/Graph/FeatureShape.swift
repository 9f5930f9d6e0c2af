import Diagnostics

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

    /// No map of one image is larger: with halo and padding lanes its bytes still fit an `Int` many times over.
    private static let elementLimit = 1 << 40

    /// - Throws: `badData` naming `subject` for an extent below 1 or more elements than any machine holds.
    func check(subject: String) throws(EngineError) {
        let extents = [channels, height, width]
        guard extents.allSatisfy({ $0 >= 1 && $0 <= Int(Int32.max) }),
            channels <= Self.elementLimit / height / width
        else {
            throw EngineError(
                .badData, subject, "features of shape \(self)",
                expected: "extents of 1 or more and at most \(Self.elementLimit) elements")
        }
    }

    public var elementCount: Int { channels * height * width }
    public var description: String { "(\(channels), \(height), \(width))" }
}
