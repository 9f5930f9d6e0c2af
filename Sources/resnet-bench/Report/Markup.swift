/// HTML and SVG, well-formed and escaped by construction.
struct Markup: ExpressibleByStringInterpolation {
    /// The source, escaped.
    let source: String

    private init(source: String) { self.source = source }

    /// Text: every character stands for itself.
    init(_ text: String) { source = Self.escaped(text) }

    init(stringLiteral value: String) { self.init(value) }

    /// An element; one without children ends itself, as those of SVG and the void ones of HTML may.
    static func element(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [Markup] = []
    ) -> Markup {
        let tag = attributes.reduce(name) { $0 + " \($1.key)=\"\(escaped($1.value))\"" }
        guard !children.isEmpty else { return Markup(source: "<\(tag)/>") }
        return Markup(source: "<\(tag)>\(children.map(\.source).joined())</\(name)>")
    }

    /// A whole page.
    ///
    /// - Parameter style: CSS without `<`, `>` and `&`.
    static func page(title: String, style: String, _ body: [Markup]) -> String {
        let head = element(
            "head", [:],
            [
                element("meta", ["charset": "utf-8"]),
                element(
                    "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                element("meta", ["name": "color-scheme", "content": "light dark"]),
                element("title", [:], [Markup(title)]),
                Markup(source: "<style>\n\(style)</style>"),
            ])
        let html = element(
            "html", ["lang": "en"], [head, element("body", [:], body)])
        return "<!DOCTYPE html>\n\(html.source)\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            // Neither HTML nor XML has these.
            case ..<" ", "\u{7f}"..."\u{9f}", "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
