/// Speed-up over thread counts: measured, ideal, and as the laws have it.
struct ScalingPlot {
    /// One measured value and how far rounds spread.
    struct Point {
        let threads: Double
        let speedup: Double
        let rounds: ClosedRange<Double>
    }

    /// The points of one batch size.
    struct Series {
        let name: String
        let points: [Point]

        init(name: String, points: [Point]) {
            self.name = name
            self.points = points.sorted { $0.threads < $1.threads }
        }
    }

    /// What a law says, as a speed-up.
    struct Curve {
        let name: String
        let style: String
        let speedup: (_ threads: Double) -> Double
    }

    let series: [Series]
    let curves: [Curve]
    /// Threads of speed-up 1.
    let baseline: Double
    /// Where workers begin to share cores.
    let cores: Double

    private var most: Double { series.flatMap(\.points).map(\.threads).max() ?? 1 }

    /// How many series can be told from each other.
    static let styleCount = 4

    /// What stands for what.
    var legend: Markup {
        var entries = series.enumerated().map { index, series in
            Legend.entry("measured s\(index % Self.styleCount)", series.name, hasDot: true)
        }
        entries.append(Legend.entry("ideal", "ideal: as many times as threads", hasDot: false))
        entries += curves.map { Legend.entry($0.style, $0.name, hasDot: false) }
        if cores < most {
            entries.append(Legend.entry("limit", "\(PlotScale.label(cores)) usable cores", hasDot: false))
        }
        return Legend.list(entries)
    }

    func markup(width: Double, height: Double) -> Markup {
        let highest = series.flatMap(\.points).map(\.rounds.upperBound).max() ?? 1
        var frame = PlotFrame(
            width: width, height: height,
            x: PlotScale("threads (workers)", to: most * 1.03),
            y: PlotScale(
                "speed-up over \(PlotScale.label(baseline)) thread\(baseline == 1 ? "" : "s"), ×",
                to: max(most / baseline, highest) * 1.05))
        frame.hasWholeX = true
        func pixel(_ threads: Double, _ speedup: Double) -> (Double, Double) {
            (frame.horizontal(threads), frame.vertical(speedup))
        }
        var content: [Markup] = []
        if cores < most {
            let area = frame.area
            content.append(
                frame.line(
                    (frame.horizontal(cores), area.y.lowerBound),
                    (frame.horizontal(cores), area.y.upperBound), "limit"))
        }
        content.append(frame.path([pixel(0, 0), pixel(most, most / baseline)], "ideal"))
        for curve in curves {
            let steps = 80
            let threads = (0...steps).map { 1 + (most - 1) * Double($0) / Double(steps) }
            content.append(frame.path(threads.map { pixel($0, curve.speedup($0)) }, curve.style))
        }
        for (index, series) in series.enumerated() {
            let style = "measured s\(index % Self.styleCount)"
            content.append(frame.path(series.points.map { pixel($0.threads, $0.speedup) }, style))
            for point in series.points {
                content.append(
                    frame.line(
                        pixel(point.threads, point.rounds.lowerBound),
                        pixel(point.threads, point.rounds.upperBound), style + " spread"))
                let (x, y) = pixel(point.threads, point.speedup)
                content.append(
                    frame.dot(
                        x, y, radius: 4, style,
                        "\(series.name), \(PlotScale.label(point.threads)) threads: "
                            + "\(PlotScale.label(point.speedup)) ×"))
            }
        }
        return frame.markup(
            label: "Speed-up over numbers of threads; the table below has the same figures",
            style: "scaling", content)
    }
}

/// The key of a plot.
enum Legend {
    static func entry(_ style: String, _ name: String, hasDot: Bool, hasLine: Bool = true) -> Markup {
        var swatch: [Markup] = []
        if hasLine {
            swatch.append(
                .element("line", ["class": style, "x1": "1", "y1": "6", "x2": "27", "y2": "6"]))
        }
        if hasDot { swatch.append(.element("circle", ["class": style, "cx": "14", "cy": "6", "r": "4"])) }
        let picture = Markup.element(
            "svg", ["class": "swatch", "viewBox": "0 0 28 12", "aria-hidden": "true"], swatch)
        return .element("li", [:], [picture, Markup(name)])
    }

    static func list(_ entries: [Markup]) -> Markup { .element("ul", ["class": "legend"], entries) }
}
