import Diagnostics

extension LayerProblem: CustomStringConvertible {
    public var description: String {
        let text =
            switch layer {
            case .convolution(let layer): layer.text(images: images)
            case .linear(let layer): layer.text(images: images)
            case .pooling(let layer): layer.text(images: images)
            }
        return text + (clearedHalo == 0 ? "" : ",halo\(clearedHalo)")
            + (reuseMebibytes == 0 || agedKibibytes == 0 ? "" : ",aged\(agedKibibytes)K")
            + (reuseMebibytes == 0 ? "" : ",reuse\(reuseMebibytes)M")
            + (reuseMebibytes == 0 || reuseMicroseconds == 0 ? "" : "\(reuseMicroseconds)us")
    }

    /// Reads a layer written as one word.
    ///
    /// - Parameters:
    ///   - text: the word.
    ///   - subject: what an error names: a flag, or a file and its line.
    /// - Throws: `usage` naming `subject` for a word that is no layer.
    public init(_ text: String, subject: String) throws(EngineError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let kinds = "conv:…, linear:…, maxpool:… or meanpool:…"
        guard parts.count == 2 else { throw EngineError(.usage, subject, text, expected: kinds) }
        var words = LayerWords(parts[1], text, subject)
        let input = try words.next(keys: ["n", "c", "h", "w"])
        images = input["n"] ?? 1
        (reuseMebibytes, reuseMicroseconds) = words.takeReuse()
        if reuseMebibytes > 0 { agedKibibytes = words.takeLast("aged", "K") }
        clearedHalo = words.takeLast("halo", "")
        switch parts[0] {
        case "conv":
            let weights = try words.next(keys: ["k", "r", "s"])
            guard let c = input["c"], let h = input["h"], let k = weights["k"], let r = weights["r"] else {
                throw EngineError(.usage, subject, text, expected: "conv:c…h…w…,k…r…s…")
            }
            var geometry = Convolution2D.Geometry(inputChannels: c, outputChannels: k, kernel: r)
            geometry.kernelWidth = weights["s"] ?? r
            var layer = ConvolutionLayer(geometry, height: h, width: input["w"] ?? h)
            if let precisions = words.takePrecisions() {
                (layer.inputPrecision, layer.outputPrecision) = precisions
            }
            var saysLayout = false
            while let word = words.next() {
                saysLayout = saysLayout || word == "planar" || word == "blocked"
                try layer.apply(word, words)
            }
            if !saysLayout { layer.isPlanar = layer.isUsuallyPlanar }
            self.layer = .convolution(layer)
        case "linear":
            let weights = try words.next(keys: ["k"])
            guard let c = input["c"], let k = weights["k"], input["h"] != nil || input["w"] == nil else {
                throw EngineError(.usage, subject, text, expected: "linear:c…,k…, or linear:c…h…w…,k…")
            }
            let height = input["h"] ?? 1
            let shape = FeatureShape(channels: c, height: height, width: input["w"] ?? height)
            var layer = LinearLayer(input: shape, outputs: k)
            while let word = words.next() {
                switch word {
                case "relu": layer.rectifies = true
                case "sum-apart": layer.addsResidual = true
                case "bf16": layer.precision = .bfloat16
                default: throw words.unknown(word)
                }
            }
            self.layer = .linear(layer)
        case "maxpool", "meanpool":
            guard let c = input["c"], let h = input["h"] else {
                throw EngineError(.usage, subject, text, expected: "\(parts[0]):c…h…w…,r…s…")
            }
            let shape = FeatureShape(channels: c, height: h, width: input["w"] ?? h)
            var layer = PoolingLayer(parts[0] == "maxpool" ? .maximum : .mean, nil, input: shape)
            if words.hasMore { try layer.read(&words) }
            self.layer = .pooling(layer)
        default: throw EngineError(.usage, subject, text, expected: kinds)
        }
    }
}

/// `,name2` or `,name2x1`.
private func pair(_ name: String, _ height: Int, _ width: Int) -> String {
    ",\(name)" + pair(height, width)
}

private func pair(_ height: Int, _ width: Int) -> String {
    height == width ? "\(height)" : "\(height)x\(width)"
}

/// Which of a layer's maps are of bfloat16 numbers.
private func precisions(_ input: Precision, _ output: Precision) -> String {
    switch (input, output) {
    case (.float32, .float32): ""
    case (.bfloat16, .bfloat16): ",bf16"
    case (.bfloat16, .float32): ",from-bf16"
    case (.float32, .bfloat16): ",to-bf16"
    }
}

extension PoolingLayer {
    fileprivate func text(images: Int) -> String {
        let name = kind == .maximum ? "maxpool" : "meanpool"
        var text = "\(name):n\(images)c\(input.channels)h\(input.height)w\(input.width)"
        if let w = window {
            text += ",r\(w.kernelHeight)s\(w.kernelWidth)" + pair("stride", w.strideHeight, w.strideWidth)
            text += pair("pad", w.paddingHeight, w.paddingWidth) + (w.coversEdges ? ",ceil" : "")
        }
        return text + precisions(inputPrecision, outputPrecision)
    }

    /// The window.
    fileprivate mutating func read(_ words: inout LayerWords) throws(EngineError) {
        if let precisions = words.takePrecisions() { (inputPrecision, outputPrecision) = precisions }
        guard words.hasMore else { return }
        let size = try words.next(keys: ["r", "s"])
        guard let r = size["r"] else { throw words.unknown("window") }
        var window = PoolingWindow(kernel: r, stride: 1)
        window.kernelWidth = size["s"] ?? r
        while let word = words.next() {
            let name = word.prefix { $0.isLetter }
            switch (name, LayerWords.pair(word.dropFirst(name.count))) {
            case ("stride", let values?): (window.strideHeight, window.strideWidth) = values
            case ("pad", let values?): (window.paddingHeight, window.paddingWidth) = values
            case ("ceil", nil) where word == "ceil": window.coversEdges = true
            default: throw words.unknown(word)
            }
        }
        self.window = window
    }
}

extension PoolingWindow {
    /// `3/2/1`: size, stride and padding; `3/2/1/ceil`.
    fileprivate var text: String {
        pair(kernelHeight, kernelWidth) + "/" + pair(strideHeight, strideWidth) + "/"
            + pair(paddingHeight, paddingWidth) + (coversEdges ? "/ceil" : "")
    }

    fileprivate init?(_ text: Substring) {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let coversEdges = parts.last == "ceil"
        if coversEdges { parts.removeLast() }
        let values = parts.compactMap(LayerWords.pair)
        guard parts.count == 3, values.count == 3 else { return nil }
        self.init(kernel: 1, stride: 1, coversEdges: coversEdges)
        (kernelHeight, kernelWidth) = values[0]
        (strideHeight, strideWidth) = values[1]
        (paddingHeight, paddingWidth) = values[2]
    }
}

extension LinearLayer {
    fileprivate func text(images: Int) -> String {
        let area = input.height == 1 && input.width == 1 ? "" : "h\(input.height)w\(input.width)"
        return "linear:n\(images)c\(input.channels)\(area),k\(outputs)" + (rectifies ? ",relu" : "")
            + (addsResidual ? ",sum-apart" : "") + (precision == .bfloat16 ? ",bf16" : "")
    }
}

extension ConvolutionLayer: CustomStringConvertible {
    public var description: String { text(images: 1) }

    func text(images: Int) -> String {
        let g = geometry
        var text = "conv:n\(images)c\(g.inputChannels)h\(height)w\(width)"
        text += ",k\(g.outputChannels)r\(g.kernelHeight)s\(g.kernelWidth)"
        text += pair("stride", g.strideHeight, g.strideWidth) + pair("pad", g.paddingHeight, g.paddingWidth)
        if (g.dilationHeight, g.dilationWidth) != (1, 1) {
            text += pair("dil", g.dilationHeight, g.dilationWidth)
        }
        if g.groups != 1 { text += ",groups\(g.groups)" }
        if isPlanar != isUsuallyPlanar {
            text += isPlanar ? ",planar" : ",blocked"
        }
        if hasBias { text += ",bias" }
        if rectifies { text += ",relu" }
        switch residual {
        case .none: break
        case .inPlace: text += ",sum"
        case .apart: text += ",sum-apart"
        }
        return text + (pooling.map { ",maxpool\($0.text)" } ?? "")
            + precisions(inputPrecision, outputPrecision)
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
            let rest = word.dropFirst(name.count)
            if name == "maxpool", let window = PoolingWindow(rest) {
                pooling = window
                return
            }
            guard let values = LayerWords.pair(rest) else { throw words.unknown(word) }
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

    var hasMore: Bool { !words.isEmpty }

    mutating func next() -> Substring? { words.isEmpty ? nil : words.removeFirst() }

    /// The numbers of a last word such as `reuse97M` or `reuse97M1500us`, which is taken away; 0 where there is none.
    mutating func takeReuse() -> (mebibytes: Int, microseconds: Int) {
        guard let word = words.last, word.hasPrefix("reuse"), word.hasSuffix("us"),
            let mark = word.firstIndex(of: "M"),
            let time = Self.number(word[mark...].dropFirst().dropLast(2)),
            let size = Self.number(word[..<mark].dropFirst(5))
        else { return (takeLast("reuse", "M"), 0) }
        words.removeLast()
        return (size, time)
    }

    /// The number of a last word such as `halo1`, which is taken away; 0 where there is none.
    mutating func takeLast(_ prefix: String, _ suffix: String) -> Int {
        guard let word = words.last, word.hasPrefix(prefix), word.hasSuffix(suffix),
            let number = Self.number(word.dropFirst(prefix.count).dropLast(suffix.count))
        else { return 0 }
        words.removeLast()
        return number
    }

    /// What a last word says of the precision of input and output, which is taken away.
    mutating func takePrecisions() -> (input: Precision, output: Precision)? {
        let precisions: (Precision, Precision)
        switch words.last {
        case "bf16": precisions = (.bfloat16, .bfloat16)
        case "from-bf16": precisions = (.bfloat16, .float32)
        case "to-bf16": precisions = (.float32, .bfloat16)
        default: return nil
        }
        words.removeLast()
        return precisions
    }

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
