import Diagnostics

/// Text of options as numbers.
public enum OptionValue {
    /// An integer of the range in decimal digits.
    /// - Throws: `usage` naming the flag.
    public static func integer(
        _ text: some StringProtocol, _ flag: String, in range: ClosedRange<Int>
    ) throws(EngineError) -> Int {
        guard isNumber(text), let value = Int(text), range.contains(value) else {
            let expected =
                range.upperBound == .max
                ? "a whole number, \(range.lowerBound) or more"
                : "a whole number, \(range.lowerBound) to \(range.upperBound)"
            throw EngineError(.usage, flag, "'\(text)'", expected: expected)
        }
        return value
    }

    /// Integers of the range, separated by commas; a comma may end the list. One that came before is left out.
    /// - Throws: `usage` naming the flag.
    public static func list(
        _ text: String, _ flag: String, in range: ClosedRange<Int>
    ) throws(EngineError) -> [Int] {
        var items = text.split(separator: ",", omittingEmptySubsequences: false)
        if items.count > 1, items.last?.isEmpty == true { items.removeLast() }
        var values: [Int] = []
        var known: Set<Int> = []
        for item in items {
            do throws(EngineError) {
                let value = try integer(item, flag, in: range)
                if known.insert(value).inserted { values.append(value) }
            } catch {
                throw EngineError(
                    error.code, flag, "'\(text)'", expected: "\(error.expected), or a list of such")
            }
        }
        return values
    }

    /// Seconds: a number that is not negative and below a day.
    /// - Throws: `usage` naming the flag.
    public static func seconds(_ text: String, _ flag: String) throws(EngineError) -> Double {
        try number(text, flag, in: 0...86_400)
    }

    /// A decimal number of the range.
    /// - Throws: `usage` naming the flag.
    public static func number(
        _ text: String, _ flag: String, in range: ClosedRange<Double>
    ) throws(EngineError) -> Double {
        guard let value = Double(text), range.contains(value) else {
            throw EngineError(
                .usage, flag, "'\(text)'", expected: "a number, \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// One of the names.
    /// - Throws: `usage` naming the flag.
    public static func choice<Value>(
        _ text: String, _ flag: String, among values: [(name: String, value: Value)]
    ) throws(EngineError) -> Value {
        guard let found = values.first(where: { $0.name == text }) else {
            let names = values.map(\.name).joined(separator: ", ")
            throw EngineError(
                .usage, flag, "'\(text)'", expected: values.count == 1 ? names : "one of \(names)")
        }
        return found.value
    }

    private static func isNumber(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
