import Diagnostics

/// A sum of sizes that cannot wrap around: what does not fit an `Int` is an error.
public struct ByteCount: Sendable {
    public private(set) var bytes = 0
    private let subject: String

    /// - Parameter subject: what an error names.
    public init(subject: String) { self.subject = subject }

    /// Adds a product of factors that are 0 or more.
    ///
    /// - Throws: `resource` when the sum is more than can be addressed.
    public mutating func add(_ factors: Int...) throws(EngineError) {
        var product = 1
        for factor in factors {
            let (result, overflow) = product.multipliedReportingOverflow(by: factor)
            guard !overflow, result >= 0 else { throw refusal }
            product = result
        }
        let (sum, overflow) = bytes.addingReportingOverflow(product)
        guard !overflow else { throw refusal }
        bytes = sum
    }

    private var refusal: EngineError {
        EngineError(.resource, subject, "more memory than can be addressed")
    }
}
