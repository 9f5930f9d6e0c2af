import Diagnostics

/// The extents of a tensor, outermost first. Every extent is 0 or more and their product fits an `Int`.
public struct Shape: Sendable, Hashable {
    public let dimensions: [Int]
    /// The product of all extents: 1 for a scalar.
    public let elementCount: Int

    /// - Throws: `badData` naming `subject` when an extent is negative or the product overflows.
    public init(_ dimensions: [Int], subject: @autoclosure () -> String = "shape") throws(EngineError) {
        var count = 1
        for extent in dimensions {
            guard extent >= 0 else {
                throw EngineError(
                    .badData, subject(), "extent \(extent) in \(dimensions)", expected: "0 or more")
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            // A product of bytes must fit too, whatever the element type.
            guard !overflow, product <= Int.max / 16 else {
                throw EngineError(.badData, subject(), "shape \(dimensions)", expected: "fewer elements")
            }
            count = product
        }
        self.dimensions = dimensions
        self.elementCount = count
    }

    public var rank: Int { dimensions.count }
    public subscript(axis: Int) -> Int { dimensions[axis] }
}

extension Shape: CustomStringConvertible {
    public var description: String { "(" + dimensions.map(String.init).joined(separator: ", ") + ")" }
}
