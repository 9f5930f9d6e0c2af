import Diagnostics
import Foundation
import ModelFiles
import Testing

@Suite struct MalformedSafetensorsTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func expectRefused(
        _ bytes: [UInt8], mentioning text: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let path = try directory.file("bad.safetensors", bytes)
        expectError(.badData, mentioning: path, sourceLocation: sourceLocation) {
            _ = try Safetensors.read(path)
        }
        expectError(.badData, mentioning: text, sourceLocation: sourceLocation) {
            _ = try Safetensors.read(path)
        }
    }

    /// A file whose one tensor `t` is described by `entry`, with so many bytes of data.
    private func tensor(_ entry: String, _ count: Int) -> [UInt8] {
        safetensors("{\"t\":\(entry)}", [UInt8](repeating: 0, count: count))
    }

    @Test func filesThatAreMissingOrNoFiles() throws {
        let pipe = "\(directory.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in ["\(directory.path)/none", directory.path, "", "/dev/null", pipe] {
            expectError(.missingInput, mentioning: path) { _ = try Safetensors.read(path) }
            expectError(.missingInput, mentioning: path) { _ = try NPYReader(path) }
        }
    }

    @Test func everyTruncationAndAnyTail() throws {
        let bytes = try contents(fixture("formats/names.safetensors"))
        for count in 0..<bytes.count { try expectRefused(Array(bytes.prefix(count))) }
        try expectRefused(bytes + [0])
    }

    @Test func lyingHeaderLengths() throws {
        let json = Array("{}".utf8)
        for length: UInt64 in [0, 1, 3, 100_000_000, 100_000_001, 1 << 31, 1 << 40, 1 << 63, .max] {
            let prefix = (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
            try expectRefused(prefix + json, mentioning: "header")
        }
    }

    /// A sparse file, large enough that only the limit on headers can refuse it.
    @Test func aHeaderAboveTheLimit() throws {
        let path = try directory.file(
            "large", (0..<8).map { UInt8(truncatingIfNeeded: 100_000_001 >> ($0 * 8)) })
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 200_000_000)
        expectError(.badData, mentioning: "100000000") { _ = try Safetensors.read(path) }
    }

    @Test(arguments: [
        "", " ", "[]", "null", "1", "\"a\"", " {}", "{", "}", "{}}", "{},", "{}{}", "{,}", "{\"t\"}",
        "{\"t\":}",
        "{\"t\":1}", "{\"t\":[]}", "{\"t\":null}", "{t:{}}", "{'t':{}}", "{\"t\":{}}", "{1:{}}", "{\"t\" {}}",
        "{\"__metadata__\":1}", "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":{\"a\":{}}}",
        "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "{\"__metadata__\":{},\"__metadata__\":{}}",
        "{\"__metadata__\":{\"a\":\"1\",}}", "{}\u{0}", "\u{feff}{}", "{}\u{b}",
    ])
    func malformedJSON(header: String) throws { try expectRefused(safetensors(header)) }

    @Test(arguments: [
        #"\"#, #"\x"#, #"\u"#, #"\u12"#, #"\u12g4"#, #"\u+123"#, #"\ud800"#, #"\ud800x"#, #"\ud800\n"#,
        #"\ud800\u0041"#, #"\ud800\ud800"#, #"\udc00"#, #"\udc00\ud800"#, "\n", "\u{0}", "\u{1f}",
    ])
    func malformedStrings(name: String) throws {
        try expectRefused(
            safetensors("{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
    }

    @Test(
        arguments: [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]
            as [[UInt8]])
    func namesThatAreNotUTF8(name: [UInt8]) throws {
        let rest = "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}".utf8
        try expectRefused(safetensors("{\"".utf8 + name + rest), mentioning: "UTF-8")
    }

    @Test func deepNesting() throws {
        for opening in ["{\"a\":", "[", "{\"t\":{\"shape\":[["] {
            try expectRefused(safetensors(String(repeating: opening, count: 100_000)))
        }
        try expectRefused(tensor(#"{"dtype":"F32","shape":[[[0]]],"data_offsets":[0,0]}"#, 0))
    }

    @Test(arguments: [
        "-1", "+1", "01", "1.0", "1e0", "1.5", "NaN", "Infinity", "-Infinity", "null", "true", "\"1\"", ",",
        "0x1",
        "9223372036854775808", "18446744073709551616", "1" + String(repeating: "0", count: 400), "١",
    ])
    func numbersThatAreNoIntegers(number: String) throws {
        try expectRefused(tensor("{\"dtype\":\"F32\",\"shape\":[\(number)],\"data_offsets\":[0,4]}", 4))
        try expectRefused(tensor("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\(number),4]}", 4))
        try expectRefused(tensor("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\(number)]}", 4))
    }

    @Test(arguments: ["F8_E4M3", "F8_E5M2", "F4", "U64", "C64", "f32", "", "F32 ", "F\\u0000"])
    func typesThatAreNotRead(type: String) throws {
        try expectRefused(
            tensor("{\"dtype\":\"\(type)\",\"shape\":[1],\"data_offsets\":[0,4]}", 4),
            mentioning: "tensor 't'")
    }

    @Test(arguments: [
        #"{"dtype":"F32","shape":[1]}"#, #"{"dtype":"F32","data_offsets":[0,4]}"#,
        #"{"shape":[1],"data_offsets":[0,4]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[4]}"#,
    ])
    func incompleteEntries(entry: String) throws {
        try expectRefused(tensor(entry, 4), mentioning: "tensor 't'")
    }

    @Test(arguments: [
        #"{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}"#,
        #"{"dtype":1,"shape":[1],"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":1,"data_offsets":[0,4]}"#,
        #"{"dtype":"F32","shape":{},"data_offsets":[0,4]}"#,
    ])
    func entriesOfAnotherForm(entry: String) throws {
        try expectRefused(tensor(entry, 4), mentioning: "header")
    }

    @Test func sizesThatDisagree() throws {
        for (shape, end, count) in [
            ("[2]", 4, 4), ("[1]", 8, 8), ("[]", 0, 0), ("[0]", 4, 4), ("[1]", 4, 0), ("[1]", 4, 3),
            ("[1]", 4, 5),
            ("[4611686018427387904,4]", 0, 0), ("[4294967296,4294967296]", 0, 0),
            ("[3037000500,3037000500]", 4, 4),
            ("[9223372036854775807]", 4, 4), ("[9223372036854775807,9223372036854775807,0]", 0, 0),
            ("[1]", Int.max, 4), ("[2305843009213693952]", 4, 4),
        ] {
            try expectRefused(
                tensor("{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,\(end)]}", count))
        }
        try expectRefused(tensor(#"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#, 4))
        try expectRefused(tensor(#"{"dtype":"F32","shape":[0],"data_offsets":[9,9]}"#, 4))
        let ones = [String](repeating: "1", count: 65).joined(separator: ",")
        try expectRefused(tensor("{\"dtype\":\"F32\",\"shape\":[\(ones)],\"data_offsets\":[0,4]}", 4))
    }

    /// Sparse files of bytes that would be eight times as many in memory.
    @Test(arguments: [[1 << 36], [1 << 20, 1]])
    func tooManyIntegers(_ counts: [Int]) throws {
        var end = 0
        let entries = counts.enumerated().map { index, count in
            defer { end += count }
            let offsets = "[\(end),\(end + count)]"
            return #""t\#(index)":{"dtype":"U8","shape":[\#(count)],"data_offsets":\#(offsets)}"#
        }
        let bytes = safetensors("{\(entries.joined(separator: ","))}")
        let path = try directory.file("integers", bytes)
        try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: UInt64(bytes.count + end))
        expectError(.badData, mentioning: "\(path): tensor 't\(counts.count - 1)'") {
            _ = try Safetensors.read(path)
        }
    }

    @Test func overlapsGapsAndNamesThatStandTwice() throws {
        func pair(_ first: String, _ second: String, _ count: Int, names: [String] = ["a", "b"]) -> [UInt8] {
            let entries = zip(names, [first, second]).map { name, offsets in
                "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\(offsets)}"
            }
            return safetensors("{\(entries.joined(separator: ","))}", [UInt8](repeating: 0, count: count))
        }
        try expectRefused(pair("[0,4]", "[0,4]", 4), mentioning: "overlap")
        try expectRefused(pair("[0,4]", "[2,6]", 6), mentioning: "tensor 'b'")
        try expectRefused(pair("[0,4]", "[8,12]", 12), mentioning: "tensor 'b'")
        try expectRefused(pair("[8,12]", "[4,8]", 12), mentioning: "tensor 'b'")
        try expectRefused(pair("[0,4]", "[4,8]", 12), mentioning: "12 bytes")
        try expectRefused(pair("[0,4]", "[4,8]", 8, names: ["a", "a"]), mentioning: "twice")
        try expectRefused(pair("[0,4]", "[4,8]", 8, names: ["a", "\\u0061"]), mentioning: "twice")
        let none = #"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
        let many = ["b", "a", "c", "a"].map { "\"\($0)\":\(none)" }.joined(separator: ",")
        try expectRefused(safetensors("{\(many)}"), mentioning: "'a' twice")
    }

    @Test func errorsAreShortAndWithoutControlCharacters() throws {
        let long = String(repeating: "x", count: 100_000)
        for name in [long, "\\u001b[31m\\n", "\\u009b"] {
            let entry = #"{"dtype":"\u001b\n","shape":[],"data_offsets":[0,0]}"#
            let path = try directory.file("x", safetensors("{\"\(name)\":\(entry)}"))
            let error = #expect(throws: EngineError.self) { try Safetensors.read(path) }
            let scalars = try #require(error).description.unicodeScalars
            #expect(scalars.count < 600)
            #expect(scalars.allSatisfy { $0.properties.generalCategory != .control })
        }
    }
}
