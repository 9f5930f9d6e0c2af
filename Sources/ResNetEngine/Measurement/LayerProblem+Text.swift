import Diagnostics

extension LayerProblem: CustomStringConvertible {
    public var description: String {
        switch layer {
        case .convolution(let layer): layer.text(images: images)
        case .linear(let layer):
            "linear:n\(images)c\(layer.inputs),k\(layer.outputs)" + (layer.rectifies ? ",relu" : "")
        }
    }

    /// Reads a layer written as one word.
    ///
    /// - Parameters:
    ///   - text: the word.
    ///   - subject: what an error names: a flag, or a file and its line.
    /// - Throws: `usage` naming `subject` for a word that is no layer.
    public init(_ text: String, subject: String) throws(EngineError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw EngineError(.usage, subject, text, expected: "conv:… or linear:…")
        }
        var words = LayerWords(parts[1], text, subject)
        let input = try words.next(keys: ["n", "c", "h", "w"])
        let weights = try words.next(keys: ["k", "r", "s"])
        images = input["n"] ?? 1
        switch parts[0] {
        case "conv":
            guard let c = input["c"], let h = input["h"], let k = weights["k"], let r = weights["r"] else {
                throw EngineError(.usage, subject, text, expected: "conv:c…h…w…,k…r…s…")
            }
            var geometry = Convolution2D.Geometry(inputChannels: c, outputChannels: k, kernel: r)
            geometry.kernelWidth = weights["s"] ?? r
            var layer = ConvolutionLayer(geometry, height: h, width: input["w"] ?? h)
            while let word = words.next() { try layer.apply(word, words) }
            self.layer = .convolution(layer)
        case "linear":
            guard let c = input["c"], let k = weights["k"] else {
                throw EngineError(.usage, subject, text, expected: "linear:c…,k…")
            }
            var layer = LinearLayer(inputs: c, outputs: k)
            while let word = words.next() {
                guard word == "relu" else { throw words.unknown(word) }
                layer.rectifies = true
            }
            self.layer = .linear(layer)
        default: throw EngineError(.usage, subject, text, expected: "conv:… or linear:…")
        }
    }
}

extension ConvolutionLayer: CustomStringConvertible {
    public var description: String { text(images: 1) }

    func text(images: Int) -> String {
        let g = geometry
        func pair(_ name: String, _ height: Int, _ width: Int) -> String {
            height == width ? ",\(name)\(height)" : ",\(name)\(height)x\(width)"
        }
        var text = "conv:n\(images)c\(g.inputChannels)h\(height)w\(width)"
        text += ",k\(g.outputChannels)r\(g.kernelHeight)s\(g.kernelWidth)"
        text += pair("stride", g.strideHeight, g.strideWidth) + pair("pad", g.paddingHeight, g.paddingWidth)
        if (g.dilationHeight, g.dilationWidth) != (1, 1) {
            text += pair("dil", g.dilationHeight, g.dilationWidth)
        }
        if g.groups != 1 { text += ",groups\(g.groups)" }
        if isPlanar != ConvolutionLayer(g, height: 1, width: 1).isPlanar {
            text += isPlanar ? ",planar" : ",blocked"
        }
        if hasBias { text += ",bias" }
        if rectifies { text += ",relu" }
        switch residual {
        case .none: break
        case .inPlace: text += ",sum"
        case .apart: text += ",sum-apart"
        }
        return text
    }

    fileprivate mutating func apply(_ word: Substring, _ words: LayerWords) throws(EngineError) {
        switch word {
        case "bias": hasBias = true
        case "relu": rectifies = true
        case "sum": residual = .inPlace
        case "sum-apart": residual = .apart
        case "planar": isPlanar = true
        case "blocked": isPlanar = false
        default:
            let name = word.prefix { $0.isLetter }
            guard let values = LayerWords.pair(word.dropFirst(name.count)) else { throw words.unknown(word) }
            switch name {
            case "stride": (geometry.strideHeight, geometry.strideWidth) = values
            case "pad": (geometry.paddingHeight, geometry.paddingWidth) = values
            case "dil": (geometry.dilationHeight, geometry.dilationWidth) = values
            case "groups" where values.0 == values.1: geometry.groups = values.0
            default: throw words.unknown(word)
            }
        }
    }
}

/// The words of a layer's text, taken from the left.
private struct LayerWords {
    private var words: [Substring]
    private let text: String
    private let subject: String

    init(_ words: Substring, _ text: String, _ subject: String) {
        self.words = words.split(separator: ",", omittingEmptySubsequences: false)
        self.text = text
        self.subject = subject
    }

    mutating func next() -> Substring? { words.isEmpty ? nil : words.removeFirst() }

    /// The next word as single letters, each of `keys`, with positive numbers after them: `c64h28w28`.
    mutating func next(keys: Set<Character>) throws(EngineError) -> [Character: Int] {
        guard var rest = next() else {
            throw EngineError(.usage, subject, text, expected: "two words or more")
        }
        let word = rest
        var values: [Character: Int] = [:]
        while let key = rest.popFirst() {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard keys.contains(key), values[key] == nil, let value = Self.number(digits), value > 0 else {
                throw unknown(word)
            }
            values[key] = value
        }
        return values
    }

    func unknown(_ word: Substring) -> EngineError {
        EngineError(
            .usage, subject, "\"\(word)\" in \(text)", expected: "a layer such as conv:c64h28w28,k64r3s3,pad1"
        )
    }

    /// `2` or `2x1`.
    static func pair(_ digits: Substring) -> (Int, Int)? {
        let parts = digits.split(separator: "x", omittingEmptySubsequences: false)
        guard let first = parts.first.flatMap(number) else { return nil }
        if parts.count == 1 { return (first, first) }
        guard parts.count == 2, let second = number(parts[1]) else { return nil }
        return (first, second)
    }

    /// A number of at most nine digits.
    private static func number(_ digits: Substring) -> Int? {
        guard digits.count <= 9, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(digits)
    }
}
