import CommandSupport

/// The axes of a plot, its grid, and where values lie in it.
struct PlotFrame {
    /// In pixels, all of it.
    let width: Double
    let height: Double
    let x: PlotScale
    let y: PlotScale
    /// Whether ticks of x are whole numbers.
    var hasWholeX = false
    /// Margins.
    private let left = 52.0
    private let right = 14.0
    private let top = 10.0
    private let bottom = 46.0

    func horizontal(_ value: Double) -> Double {
        left + x.position(value) * (width - left - right)
    }

    func vertical(_ value: Double) -> Double {
        height - bottom - y.position(value) * (height - top - bottom)
    }

    /// The area that values are drawn in, in pixels.
    var area: (x: ClosedRange<Double>, y: ClosedRange<Double>) {
        (left...width - right, top...height - bottom)
    }

    /// The picture: grid, axes, then `content`, which is cut off at the area's edge.
    ///
    /// - Parameters:
    ///   - label: says what there is to see, for those who do not see it.
    ///   - style: a class of the style sheet.
    func markup(label: String, style: String, _ content: [Markup], over: [Markup] = []) -> Markup {
        let clip = "clip-\(style)-\(Int(width))"
        let area = area
        let (clipX, clipY) = (area.x.lowerBound, area.y.lowerBound)
        let rectangle = Markup.element(
            "rect",
            [
                "x": Self.text(clipX), "y": Self.text(clipY - 4),
                "width": Self.text(area.x.upperBound - clipX + 4),
                "height": Self.text(area.y.upperBound - clipY + 4),
            ])
        return .element(
            "svg",
            [
                "class": "plot \(style)", "viewBox": "0 0 \(Self.text(width)) \(Self.text(height))",
                "role": "img",
                "aria-label": label,
            ],
            [.element("clipPath", ["id": clip], [rectangle])] + grid
                + [.element("g", ["clip-path": "url(#\(clip))"], content.isEmpty ? [""] : content)] + over)
    }

    private var grid: [Markup] {
        let area = area
        var lines: [Markup] = []
        for tick in x.ticks(Int(width / 60), isWhole: hasWholeX) {
            let at = horizontal(tick)
            lines.append(line((at, area.y.lowerBound), (at, area.y.upperBound), "grid"))
            lines.append(text(PlotScale.label(tick), at, area.y.upperBound + 16, "tick middle"))
        }
        for tick in y.ticks(Int(height / 45)) {
            let at = vertical(tick)
            lines.append(line((area.x.lowerBound, at), (area.x.upperBound, at), "grid"))
            lines.append(text(PlotScale.label(tick), area.x.lowerBound - 7, at + 4, "tick end"))
        }
        let corner = (area.x.lowerBound, area.y.upperBound)
        lines.append(line(corner, (area.x.upperBound, corner.1), "axis"))
        lines.append(line(corner, (corner.0, area.y.lowerBound), "axis"))
        let middle = (area.x.lowerBound + area.x.upperBound) / 2
        lines.append(text(x.title, middle, height - 8, "title middle"))
        let center = (area.y.lowerBound + area.y.upperBound) / 2
        lines.append(
            .element(
                "text",
                [
                    "class": "title middle",
                    "transform": "translate(13 \(Self.text(center))) rotate(-90)",
                ], [Markup(y.title)]))
        return lines
    }

    func line(_ from: (Double, Double), _ to: (Double, Double), _ style: String) -> Markup {
        .element(
            "line",
            [
                "class": style, "x1": Self.text(from.0), "y1": Self.text(from.1), "x2": Self.text(to.0),
                "y2": Self.text(to.1),
            ])
    }

    /// A line through pixels.
    func path(_ pixels: [(Double, Double)], _ style: String) -> Markup {
        let points = pixels.map { "\(Self.text($0.0)),\(Self.text($0.1))" }.joined(separator: " ")
        return .element("polyline", ["class": style, "points": points])
    }

    func text(_ text: String, _ x: Double, _ y: Double, _ style: String) -> Markup {
        .element("text", ["class": style, "x": Self.text(x), "y": Self.text(y)], [Markup(text)])
    }

    /// A dot that tells what it is to a pointer that rests on it.
    func dot(_ x: Double, _ y: Double, radius: Double, _ style: String, _ hint: String) -> Markup {
        .element(
            "circle",
            ["class": style, "cx": Self.text(x), "cy": Self.text(y), "r": Self.text(radius)],
            [.element("title", [:], [Markup(hint)])])
    }

    static func text(_ value: Double) -> String { NumberText.fixed(value.isFinite ? value : 0, 1) }
}
