/// The text as a JSON string, escaped where it must be and nowhere else.
func jsonString(_ text: String) -> String {
    let scalars = text.unicodeScalars.map { scalar in
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{08}": "\\b"
        case "\t": "\\t"
        case "\n": "\\n"
        case "\u{0c}": "\\f"
        case "\r": "\\r"
        case ..<"\u{10}": "\\u000" + String(scalar.value, radix: 16)
        case ..<" ": "\\u00" + String(scalar.value, radix: 16)
        default: String(scalar)
        }
    }
    return "\"\(scalars.joined())\""
}
