import Foundation
import ResNetEngine
import Testing
@testable import resnet_bench

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The page of `scaling --html`.
@Suite struct PageTests {
    private static let quick = [
        "--warmup", "0", "--iterations", "2", "--duration", "0", "--repeats", "2", "--batch", "2,4",
    ]

    /// What a page is made of.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [String: Int] = [:]
        var attributes: [(name: String, value: String)] = []
        var identifiers: [String] = []
        var text = ""

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes dictionary: [String: String]
        ) {
            elements[name, default: 0] += 1
            attributes += dictionary.map { ($0.key, $0.value) }
            if let identifier = dictionary["id"] { identifiers.append(identifier) }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
    }

    private func read(_ page: String) throws -> Reader {
        let reader = Reader()
        let parser = XMLParser(data: Data(page.utf8))
        parser.delegate = reader
        #expect(parser.parse(), "\(String(describing: parser.parserError)) in line \(parser.lineNumber)")
        return reader
    }

    /// Well-formed, and nothing in it asks for a network or runs.
    @Test func selfContained() throws {
        let folder = try TemporaryFolder()
        let weights = try folder.file(
            "a<b>&\"'.safetensors", data(Fixture.small.file("weights.safetensors")))
        let file = folder.path("report.html")
        let outcome = try expectSuccess(
            .bench, ["--threads", "2", "--weights", weights, "--html", file] + Self.quick)
        #expect(outcome.text.contains("speed-up"))
        let page = String(decoding: try data(file), as: UTF8.self)
        let reader = try read(page)
        for name in ["script", "link", "img", "iframe", "object", "embed", "base", "form", "foreignObject"] {
            #expect(reader.elements[name] == nil, "\(name)")
        }
        for (name, value) in reader.attributes {
            #expect(!["src", "href", "action", "srcset", "style"].contains(name) && !name.hasPrefix("on"))
            #expect(!value.contains("//") && !value.contains("javascript:"), "\(name)=\(value)")
        }
        #expect(!page.contains("@import") && !page.contains("url(h") && !page.contains("http"))
        #expect(Set(reader.identifiers).count == reader.identifiers.count)
        #expect(reader.text.contains("a<b>&\"'.safetensors"))
        for word in [
            "Scaling", "Roofline", "Layers", "Machine and placement", "Warnings", "threads (workers)",
            "speed-up over 1 thread, ×", "intensity, FLOP a byte", "GFLOP/s of one core", "ms an image",
            "layer_out", "Amdahl", "Universal Scalability Law", "batch 4, measured",
        ] {
            #expect(reader.text.contains(word), "\(word)")
        }
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("@media print"))
        #expect(folder.names.sorted() == ["a<b>&\"'.safetensors", "report.html"])
    }

    @Test func destinations() throws {
        let folder = try TemporaryFolder()
        let nowhere = folder.path("no/such/report.html")
        try expectFailure(.bench, ["--html", nowhere], 73, nowhere)
        try expectFailure(.bench, ["--html", "-", "--json", "-"], 64, "--html")
        let one = ["--threads", "1"] + Self.quick + Fixture.small.modelOptions
        #expect(try expectSuccess(.bench, one + ["--html", "-"]).text.hasPrefix("<!DOCTYPE html>"))
        try expectFailure(.bench, one + ["--html", "/dev/full"], 74, "/dev/full")
    }

    @Test func escaping() throws {
        let hostile = "</text><script>alert(1)</script>&amp;\"' \u{1}\u{9f}\u{ffff}é\n"
        let dots = [RooflinePlot.Dot(name: hostile, intensity: 3, gflops: 5, share: 1)]
        let bars = LayerBars([
            LayerBars.Row(
                name: hostile, kernel: hostile, milliseconds: 1, share: 1, gflops: 1, percentOfPeak: 1,
                percentOfRoof: nil, roof: hostile)
        ])
        let plot = RooflinePlot(.init(peakGflops: 10, gigabytesPerSecond: 2), dots)
        let page = Markup.page(
            title: hostile, style: "", [plot.markup(width: 360, height: 320), plot.key, bars.markup])
        let reader = try read(page)
        #expect(reader.elements["script"] == nil && reader.text.contains("<script>alert(1)</script>&amp;"))
    }

    /// Numbers of dots lie neither on each other nor outside, however close the dots.
    @Test func roofNumbers() throws {
        let dots = (0..<60).map { index in
            RooflinePlot.Dot(
                name: "layer\(index)", intensity: 40 + Double(index % 7), gflops: 90 + Double(index % 5),
                share: 1 / 60)
        }
        let plot = RooflinePlot(.init(peakGflops: 100, gigabytesPerSecond: 10), dots)
        for width in [360.0, 720] {
            let source = plot.markup(width: width, height: 320).source
            let places = source.matches(
                of: /<text class="number middle" x="([0-9.]+)" y="([0-9.]+)">/
            ).compactMap { match in Double(match.1).flatMap { x in Double(match.2).map { (x, $0) } } }
            #expect(places.count >= 4)
            for (index, place) in places.enumerated() {
                #expect(place.0 < width && place.1 > 0 && place.1 < 320)
                for other in places[..<index] {
                    #expect(abs(other.0 - place.0) > 10 || abs(other.1 - place.1) > 13)
                }
            }
        }
    }

    /// Nothing to draw is no reason to fail, and what is not finite is not written.
    @Test func nothingToDraw() throws {
        let none = RooflinePlot(.init(peakGflops: 1, gigabytesPerSecond: nil), [])
        let broken = RooflinePlot(
            .init(peakGflops: 1, gigabytesPerSecond: 0),
            [.init(name: "x", intensity: .nan, gflops: .infinity, share: .nan)])
        let flat = ScalingPlot(series: [], curves: [], baseline: 1, cores: 1)
        let pictures =
            [none, broken].map { $0.markup(width: 360, height: 320) } + [
                flat.markup(width: 720, height: 380), LayerBars([]).markup,
            ]
        let page = Markup.page(title: "t", style: "", pictures)
        _ = try read(page)
        #expect(!page.contains("nan") && !page.contains("inf"))
    }
}
