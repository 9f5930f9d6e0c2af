import Diagnostics

extension CPUSet: CustomStringConvertible {
    /// Linux' list format: `0,2-5`; empty for the empty set.
    public var description: String {
        var ranges: [ClosedRange<Int>] = []
        for cpu in self {
            if let last = ranges.last, last.upperBound + 1 == cpu {
                ranges[ranges.count - 1] = last.lowerBound...cpu
            } else {
                ranges.append(cpu...cpu)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Reads Linux' list format.
    ///
    /// - Parameters:
    ///   - text: as `0,2-5`.
    ///   - subject: the flag or file that an error names.
    /// - Throws: `usage` for anything else, descending ranges and numbers of ``limit`` and above.
    public init(parsing text: String, subject: String = "CPU list") throws(EngineError) {
        self.init(try Self.orderedList(parsing: text, subject: subject))
    }

    /// The numbers of a list in the order in which they stand there.
    static func orderedList(parsing text: String, subject: String) throws(EngineError) -> [Int] {
        var cpus: [Int] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = item.split(separator: "-", omittingEmptySubsequences: false).map(number)
            guard bounds.count <= 2, let first = bounds.first ?? nil, let last = bounds.last ?? nil,
                first <= last
            else {
                let expected = "numbers 0 to \(limit - 1) and ascending ranges, as in 0,2-5"
                throw EngineError(.usage, subject, "'\(item)' in CPU list '\(text)'", expected: expected)
            }
            cpus += first...last
        }
        return cpus
    }

    private static func number(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int(text), value < limit
        else { return nil }
        return value
    }
}
