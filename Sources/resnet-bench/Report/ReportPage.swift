import CommandSupport
import ResNetEngine

/// A scaling report as one page that needs nothing else: no network, no script.
struct ReportPage {
    let report: ScalingReport

    var html: String {
        let name = report.loaded.model.architecture.name
        var sections = [header(name), tiles]
        sections.append(warnings)
        sections += [scaling, runs, roofline, layers, machine]
        return Markup.page(
            title: "\(name): scaling over threads", style: ReportStyle.css, [.element("main", [:], sections)])
    }

    private func header(_ name: String) -> Markup {
        .element(
            "header", [:],
            [
                .element("h1", [:], [Markup("\(name): scaling over threads")]),
                .element("p", ["class": "soft"], [Markup(report.modelLine)]),
                .element("p", ["class": "soft"], [Markup(report.runLine)]),
                .element(
                    "p", ["class": "soft"],
                    [Markup("\(report.date), resnet-bench \(ToolVersion.current)")]),
            ])
    }

    /// The fastest run in four numbers.
    private var tiles: Markup {
        guard let best = report.runs.max(by: { $0.imagesPerSecond < $1.imagesPerSecond }) else { return "" }
        let tiles = [
            (NumberText.fixed(best.imagesPerSecond, 1), "images/s at best"),
            ("\(best.threads)", "thread\(best.threads == 1 ? "" : "s"), batch \(best.batch)"),
            (
                "\(NumberText.fixed(report.speedup(best), 2)) ×",
                "speed-up, efficiency \(NumberText.fixed(100 * report.efficiency(best), 0)) %"
            ),
            ("\(NumberText.fixed(report.percentOfPeak(best), 1)) %", "of the measured FMA peak"),
        ]
        return .element(
            "div", ["class": "tiles"],
            tiles.map { number, text in
                .element(
                    "div", ["class": "tile"],
                    [.element("b", [:], [Markup(number)]), .element("span", [:], [Markup(text)])])
            })
    }

    private var warnings: Markup {
        guard !report.warnings.isEmpty else {
            return section("Warnings", [paragraph("None: nothing was seen that disturbs the figures.")])
        }
        let items = report.warnings.map { warning in
            Markup.element(
                "li", [:],
                [.element("code", [:], [Markup(warning.code)]), Markup(": \(warning.message)")])
        }
        return .element(
            "section", ["class": "warnings"],
            [.element("h2", [:], ["Warnings"]), .element("ul", [:], items)])
    }

    private var scaling: Markup {
        let plot = report.scalingPlot
        var content: [Markup] = [
            paragraph(
                "Medians of \(report.plan.rounds) rounds; the bars span all rounds. "
                    + "Thread counts were measured in turn, so that a disturbance hits all alike.")
        ]
        if Set(report.runs.map(\.threads)).count > 1 {
            content += [plot.legend] + bothWidths { plot.markup(width: $0, height: $0 == 360 ? 320 : 380) }
        }
        for fit in report.fits {
            content.append(.element("h3", [:], [Markup("Laws of scaling, batch \(fit.batch)")]))
            content.append(
                .element("ul", ["class": "laws"], fit.lines.map { .element("li", [:], [Markup($0)]) }))
        }
        return section("Scaling", content)
    }

    private var runs: Markup {
        // The rest is in the JSON: all of them are wider than paper.
        let shown = ScalingReport.columns.indices.filter {
            !["mean ms", "p90 ms", "max ms", "allocs/batch"].contains(ScalingReport.columns[$0].header)
        }
        let columns = shown.map { ScalingReport.columns[$0] }
        let header = Markup.element(
            "tr", [:],
            columns.map {
                .element(
                    "th", ["class": $0.alignment == .right ? "number" : "places", "scope": "col"],
                    [Markup($0.header)])
            })
        let rows = report.runs.map { run in
            Markup.element(
                "tr", [:],
                zip(columns, shown.map { report.row(run)[$0] }).map { column, cell in
                    .element(
                        "td",
                        [
                            "class": column.alignment == .right ? "number" : "places",
                            "data-label": column.header,
                        ], [Markup(cell)])
                })
        }
        let table = Markup.element(
            "table", ["class": "runs"], [.element("thead", [:], [header]), .element("tbody", [:], rows)])
        return section("Runs", [table])
    }

    private var roofline: Markup {
        let plot = report.rooflinePlot
        let hidden = report.profile.layers.count - plot.dots.count
        let bandwidth = report.bandwidth.map {
            """
             Memory: \(NumberText.fixed($0.gigabytesPerSecond, 1)) GB/s read by \($0.threads) \
            thread\($0.threads == 1 ? "" : "s") at once from more than the caches hold, nothing written.
            """
        }
        return section(
            "Roofline",
            [
                paragraph(
                    """
                    One dot a layer, its area the share of time; both roofs were measured in this run.\
                    \(bandwidth ?? " Memory was not measured: no room for it, or caches too large.") \
                    A layer above the memory roof found its bytes in a cache; one above the arithmetic roof does \
                    fewer operations than are counted (Winograd). \
                    \(hidden > 0 ? "\(hidden) steps without operations are not drawn." : "")
                    """), plot.legend,
            ] + bothWidths { plot.markup(width: $0, height: $0 == 360 ? 320 : 380) } + [
                .element("h3", [:], ["Greatest shares of the time"]), plot.key,
            ])
    }

    private var layers: Markup {
        let bars = LayerBars(
            report.profile.layers.map { layer in
                let roof = report.profile.roofline.roof(at: layer.intensity)
                return LayerBars.Row(
                    name: layer.name, kernel: layer.planned?.kernel ?? "",
                    milliseconds: layer.milliseconds, share: layer.share, gflops: layer.gflops,
                    percentOfPeak: 100 * layer.gflops / report.profile.roofline.peakGflops,
                    percentOfRoof: report.profile.roofline.percent(of: layer), roof: roof?.kind.rawValue)
            })
        let batch = report.profile
        return .element(
            "section", ["class": "long"],
            [
                .element("h2", [:], ["Layers"]),
                paragraph(
                    """
                    In the order in which they run; batch \(batch.rows) on \
                    \(batch.engine.placement.workers.count) threads. Times of one core an image.
                    """), bars.markup,
            ])
    }

    private var machine: Markup {
        let terms = report.machineTerms.flatMap { term, text in
            [
                Markup.element("dt", [:], [Markup(term)]), Markup.element("dd", [:], [Markup(text)]),
            ]
        }
        let chips = report.placementChips.map { Markup.element("li", [:], [Markup($0)]) }
        return section(
            "Machine and placement",
            [
                .element("dl", [:], terms),
                .element("h3", [:], [Markup(report.placementTitle)]),
                .element("ul", ["class": "chips"], chips),
            ])
    }

    private func section(_ title: String, _ content: [Markup]) -> Markup {
        .element("section", [:], [.element("h2", [:], [Markup(title)])] + content)
    }

    private func paragraph(_ text: String) -> Markup { .element("p", [:], [Markup(text)]) }

    /// A plot for wide screens and paper, and one for narrow screens, whose letters would be too small otherwise.
    private func bothWidths(_ plot: (_ width: Double) -> Markup) -> [Markup] {
        [
            .element("div", ["class": "wide"], [plot(720)]),
            .element("div", ["class": "narrow"], [plot(360)]),
        ]
    }
}
