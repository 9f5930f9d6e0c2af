import CommandSupport
import ResNetEngine

/// Layers as dots under the roofs of arithmetic and memory, both axes logarithmic.
struct RooflinePlot {
    struct Dot {
        let name: String
        /// Floating-point operations a byte.
        let intensity: Double
        let gflops: Double
        /// Of the time of all layers.
        let share: Double
    }

    let roofline: Roofline
    /// The layers that can be drawn, greatest share first, so that small dots lie above large ones.
    let dots: [Dot]

    /// - Parameter dots: those without operations, bytes or time are left out.
    init(_ roofline: Roofline, _ dots: [Dot]) {
        self.roofline = roofline
        self.dots = dots.filter { $0.intensity > 0 && $0.gflops > 0 && $0.gflops.isFinite }
            .sorted { $0.share > $1.share }
    }

    /// The dots that get a number: as many as a reader can look up.
    static let numberedCount = 6

    var legend: Markup {
        var entries = [
            Legend.entry(
                "roof compute", "arithmetic: \(NumberText.fixed(roofline.peakGflops, 1)) GFLOP/s a core",
                hasDot: false)
        ]
        if let bandwidth = roofline.gigabytesPerSecond {
            entries.append(
                Legend.entry(
                    "roof memory", "memory: \(NumberText.fixed(bandwidth, 1)) GB/s a core", hasDot: false))
        }
        entries.append(Legend.entry("layer compute", "bound by arithmetic", hasDot: true, hasLine: false))
        if roofline.gigabytesPerSecond != nil {
            entries.append(Legend.entry("layer memory", "bound by memory", hasDot: true, hasLine: false))
        }
        return Legend.list(entries)
    }

    /// The names of the numbered dots.
    var key: Markup {
        .element(
            "ol", ["class": "key"],
            dots.prefix(Self.numberedCount).map { dot in
                .element(
                    "li", [:],
                    [
                        .element("span", ["class": "name"], [Markup(dot.name)]),
                        Markup(
                            " \(NumberText.fixed(100 * dot.share, 1)) %, "
                                + "\(NumberText.fixed(dot.gflops, 1)) GFLOP/s"),
                    ])
            })
    }

    func markup(width: Double, height: Double) -> Markup {
        let ridge = roofline.gigabytesPerSecond.map { roofline.peakGflops / $0 }
        let frame = PlotFrame(
            width: width, height: height,
            x: PlotScale(
                "intensity, FLOP a byte", around: dots.map(\.intensity) + (ridge.map { [$0] } ?? [])),
            y: PlotScale("GFLOP/s of one core", around: dots.map(\.gflops) + [roofline.peakGflops]))
        let (first, last) = (frame.x.range.lowerBound, frame.x.range.upperBound)
        func pixel(_ intensity: Double, _ gflops: Double) -> (Double, Double) {
            (frame.horizontal(intensity), frame.vertical(gflops))
        }
        var content: [Markup] = []
        let bend = ridge.map { min(max($0, first), last) } ?? first
        content.append(
            frame.path(
                [pixel(bend, roofline.peakGflops), pixel(last, roofline.peakGflops)], "roof compute"))
        if let bandwidth = roofline.gigabytesPerSecond {
            content.append(
                frame.path([pixel(first, first * bandwidth), pixel(bend, bend * bandwidth)], "roof memory"))
        }
        for dot in dots {
            let (x, y) = pixel(dot.intensity, dot.gflops)
            let kind = roofline.roof(at: dot.intensity)?.kind ?? .compute
            content.append(
                frame.dot(
                    x, y, radius: Self.radius(dot), "layer \(kind.rawValue)",
                    "\(dot.name): \(NumberText.fixed(dot.gflops, 1)) GFLOP/s, "
                        + "\(NumberText.fixed(dot.intensity, 1)) FLOP a byte"))
        }
        return frame.markup(
            label: "Layers by intensity and speed, under the roofs of arithmetic and memory",
            style: "roofline", content, over: numbers(in: frame))
    }

    /// Its area tells the share of time.
    private static func radius(_ dot: Dot) -> Double { 3 + 14 * max(dot.share, 0).squareRoot() }

    /// A number beside each of the first dots, where no dot, no other number and no edge is in the way; a thin line leads
    /// to one that lies farther off.
    private func numbers(in frame: PlotFrame) -> [Markup] {
        let area = frame.area
        let circles = dots.map { dot in
            (x: frame.horizontal(dot.intensity), y: frame.vertical(dot.gflops), radius: Self.radius(dot))
        }
        var taken: [(x: Double, y: Double)] = []
        func isFree(_ x: Double, _ y: Double) -> Bool {
            guard area.x.contains(x - 5), area.x.contains(x + 5) else { return false }
            guard area.y.contains(y - 7), area.y.contains(y + 7) else { return false }
            guard taken.allSatisfy({ abs($0.x - x) > 11 || abs($0.y - y) > 14 }) else { return false }
            return circles.allSatisfy { circle in
                let (across, down) = (circle.x - x, circle.y - y)
                return (across * across + down * down).squareRoot() >= circle.radius + 6
            }
        }
        var numbers: [Markup] = []
        for (index, circle) in circles.prefix(Self.numberedCount).enumerated() {
            for turn in 0..<40 {
                let distance = circle.radius + 8 + 12 * Double(turn / 8)
                let (right, down) = Self.directions[turn % 8]
                let (x, y) = (circle.x + right * distance, circle.y + down * distance)
                guard isFree(x, y) else { continue }
                taken.append((x, y))
                if turn >= 8 {
                    let end = (x - 7 * right, y - 7 * down)
                    numbers.append(frame.line((circle.x, circle.y), end, "leader"))
                }
                numbers.append(frame.text("\(index + 1)", x, y + 4, "number middle"))
                break
            }
        }
        return numbers
    }

    /// Right, left, above, below, then the corners.
    private static let directions: [(Double, Double)] = [
        (1, 0), (-1, 0), (0, -1), (0, 1), (0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8),
    ]
}
