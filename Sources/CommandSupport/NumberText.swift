/// Numbers as people read them.
public enum NumberText {
    /// A fixed number of decimals, "nan" and "inf" included.
    public static func fixed(_ value: Double, _ decimals: Int) -> String {
        format("%.*f", Int32(clamping: decimals), value)
    }

    /// Three significant digits in scientific notation.
    public static func scientific(_ value: Double) -> String {
        format("%.*e", 2, value)
    }

    /// Digits in groups of three.
    public static func grouped(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// Bytes in the largest unit of 1024 that leaves a number of at least 1.
    public static func bytes(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let decimals = unit == 0 || value == value.rounded() ? 0 : 1
        return "\(fixed(value, decimals)) \(units[unit])"
    }

    private static func format(_ format: String, _ precision: Int32, _ value: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 512)
        let count = withVaList([precision, value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(
            decoding: buffer.prefix(max(0, min(Int(count), 511))).map { UInt8(bitPattern: $0) }, as: UTF8.self
        )
    }
}
