import Diagnostics

/// Strict JSON (RFC 8259), as much of it as the formats of this module need. Their grammars are fixed, so that nothing
/// here recurses and nesting needs no limit of its own.
extension ByteScanner {
    /// An object. `member` reads the value of the member that it is given; names that stand twice are refused, at the end.
    mutating func object(
        _ member: (inout ByteScanner, String) throws(EngineError) -> Void
    ) throws(EngineError) {
        try expect("{")
        if accept("}") { return }
        var names: [String] = []
        repeat {
            let name = try string()
            try expect(":")
            try member(&self, name)
            names.append(name)
        } while accept(",")
        try expect("}")
        // A process that meets its first set of strings takes longer for that than for a header of some hundred names.
        names.sort()
        if let (name, _) = zip(names, names.dropFirst()).first(where: { $0 == $1 }) {
            throw failure("the name \(shown(name.utf8)) twice", expected: "it once")
        }
    }

    /// An array of integers of 0 or more, at most `limit` of them.
    mutating func integers(limit: Int) throws(EngineError) -> [Int] {
        try expect("[")
        if accept("]") { return [] }
        var values: [Int] = []
        repeat {
            guard values.count < limit else { throw failure(expected: "at most \(limit) integers") }
            values.append(try unsigned())
        } while accept(",")
        try expect("]")
        return values
    }

    mutating func string() throws(EngineError) -> String {
        try expect("\"")
        let plain = takePlainText()
        if next == UInt8(ascii: "\"") {
            _ = try take(expected: "the end of a string")
            return try string(plain)
        }
        var text = Array(plain)
        while true {
            let byte = try take(expected: "the end of a string")
            switch byte {
            case UInt8(ascii: "\""): return try string(text[...])
            case UInt8(ascii: "\\"): text += try escaped()
            case ..<0x20: throw failure("a control character in a string", expected: "an escape")
            default: text.append(byte)
            }
        }
    }

    /// The string of these bytes, if they are UTF-8: decoding changes those that are not.
    private func string(_ text: ArraySlice<UInt8>) throws(EngineError) -> String {
        let string = String(decoding: text, as: UTF8.self)
        guard string.utf8.elementsEqual(text) else {
            throw failure("\(shown(text)), which is not UTF-8", expected: "UTF-8")
        }
        return string
    }

    /// What follows a backslash, as UTF-8.
    private mutating func escaped() throws(EngineError) -> [UInt8] {
        let byte = try take(expected: "an escape")
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "u"): break
        default: throw failure("the escape \(shown([byte]))", expected: "one that JSON has")
        }
        var value = try hexadecimal()
        if (0xd800..<0xdc00).contains(value), next == UInt8(ascii: "\\") {
            _ = try take(expected: "an escape")
            guard try take(expected: "an escape") == UInt8(ascii: "u") else {
                throw failure("half a surrogate pair", expected: "a pair")
            }
            let low = try hexadecimal()
            // A value that is no low surrogate leaves `value` a lone one, which is no scalar.
            if (0xdc00..<0xe000).contains(low) { value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00) }
        }
        guard let scalar = Unicode.Scalar(value) else {
            throw failure("half a surrogate pair", expected: "a pair")
        }
        return Array(String(scalar).utf8)
    }

    private mutating func hexadecimal() throws(EngineError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try take(expected: "four hexadecimal digits")
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("\(shown([byte])) in an escape", expected: "four hexadecimal digits")
            }
            value = value << 4 | UInt32(truncatingIfNeeded: digit)
        }
        return value
    }
}
