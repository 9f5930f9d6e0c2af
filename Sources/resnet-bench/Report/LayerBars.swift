import CommandSupport
import ResNetEngine

/// A bar a layer, with its figures.
struct LayerBars {
    struct Row {
        let name: String
        let kernel: String
        let milliseconds: Double
        let share: Double
        let gflops: Double
        let percentOfPeak: Double
        let percentOfRoof: Double?
        let roof: String?
    }

    let rows: [Row]

    init(_ rows: [Row]) { self.rows = rows }

    var markup: Markup {
        let longest = max(rows.map(\.milliseconds).max() ?? 0, 1e-12)
        let header = Markup.element(
            "tr", [:],
            [
                Self.heading("layer, kernel", ""),
                Self.heading("ms an image, of one core: 0 to \(NumberText.fixed(longest, 3))", "bars"),
                Self.heading("ms", "number"), Self.heading("%", "number"),
                Self.heading("GFLOP/s", "number"), Self.heading("% of peak", "number"),
                Self.heading("% of roof", "number"), Self.heading("roof", ""),
            ])
        let lines = rows.map { row -> Markup in
            let isIdle = row.gflops <= 0
            return .element(
                "tr", [:],
                [
                    .element(
                        "td", ["class": "what"],
                        [
                            .element("span", ["class": "name"], [Markup(row.name)]),
                            .element("span", ["class": "kernel"], [Markup(row.kernel)]),
                        ]),
                    .element("td", ["class": "bars"], [Self.bar(row.milliseconds / longest, row.roof)]),
                    Self.number(NumberText.fixed(row.milliseconds, 4), "ms"),
                    Self.number(NumberText.fixed(100 * row.share, 1), "%"),
                    Self.number(isIdle ? "–" : NumberText.fixed(row.gflops, 1), "GFLOP/s"),
                    Self.number(isIdle ? "–" : NumberText.fixed(row.percentOfPeak, 0), "% of peak"),
                    Self.number(
                        row.percentOfRoof.map { NumberText.fixed($0, 0) } ?? "–", "% of roof"),
                    .element("td", ["class": row.roof == nil ? "none" : "kind"], [Markup(row.roof ?? "–")]),
                ])
        }
        return .element(
            "table", ["class": "layers"],
            [.element("thead", [:], [header]), .element("tbody", [:], lines.isEmpty ? [""] : lines)])
    }

    private static func heading(_ text: String, _ style: String) -> Markup {
        .element("th", ["class": style, "scope": "col"], [Markup(text)])
    }

    /// The unit stands beside the number where the columns' headings do not.
    private static func number(_ text: String, _ unit: String) -> Markup {
        let style = text == "–" ? "number none" : "number"
        return .element("td", ["class": style, "data-unit": unit], [Markup(text)])
    }

    private static func bar(_ part: Double, _ roof: String?) -> Markup {
        .element(
            "svg",
            ["class": "bar", "viewBox": "0 0 100 10", "preserveAspectRatio": "none", "aria-hidden": "true"],
            [
                .element("rect", ["class": "track", "width": "100", "height": "10"]),
                .element(
                    "rect",
                    [
                        "class": "layer \(roof ?? "none")", "width": NumberText.fixed(100 * part, 2),
                        "height": "10",
                    ]),
            ])
    }
}
