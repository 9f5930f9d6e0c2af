import CommandSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Maps values of one axis to 0…1, and says where its ticks are.
struct PlotScale {
    let range: ClosedRange<Double>
    let isLogarithmic: Bool
    /// What the axis shows, with its unit.
    let title: String

    /// A linear scale from 0 to a value or a little more.
    init(_ title: String, to last: Double) {
        self.title = title
        isLogarithmic = false
        range = 0...max(last, 1e-9)
    }

    /// A logarithmic scale around positive values.
    init(_ title: String, around values: [Double]) {
        self.title = title
        isLogarithmic = true
        let values = values.filter { $0 > 0 && $0.isFinite }
        let (least, most) = (values.min() ?? 1, values.max() ?? 1)
        range = least / 1.6...max(most * 1.6, least * 10)
    }

    /// Where a value lies; below 0 and above 1 outside of the range.
    func position(_ value: Double) -> Double {
        guard isLogarithmic else { return (value - range.lowerBound) / (range.upperBound - range.lowerBound) }
        return log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }

    /// Round values, at most `count` of them.
    func ticks(_ count: Int, isWhole: Bool = false) -> [Double] {
        isLogarithmic ? logarithmicTicks(count) : linearTicks(count, isWhole: isWhole)
    }

    private func linearTicks(_ count: Int, isWhole: Bool) -> [Double] {
        let rough = range.upperBound / Double(max(count - 1, 1))
        let power = pow(10, floor(log10(rough)))
        let step = ([1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 }) ?? rough
        let whole = isWhole ? max(step.rounded(.up), 1) : step
        return Array(stride(from: 0, through: range.upperBound * 1.0001, by: whole))
    }

    private func logarithmicTicks(_ count: Int) -> [Double] {
        for factors in [[1.0, 2, 5], [1, 3], [1]] {
            let powers = Int(floor(log10(range.lowerBound)))...Int(ceil(log10(range.upperBound)))
            let ticks = powers.flatMap { power in factors.map { $0 * pow(10, Double(power)) } }
                .filter { range.contains($0) }
            if ticks.count <= count { return ticks }
        }
        return [range.lowerBound, range.upperBound]
    }

    /// A tick's value in few characters.
    static func label(_ value: Double) -> String {
        let decimals = value == 0 || value >= 10 ? 0 : value >= 1 ? 1 : value >= 0.1 ? 2 : 3
        let text = NumberText.fixed(value, decimals)
        guard text.contains(".") else { return text }
        let trimmed = text.reversed().drop { $0 == "0" }.reversed()
        return String(trimmed.last == "." ? trimmed.dropLast() : trimmed[...])
    }
}
