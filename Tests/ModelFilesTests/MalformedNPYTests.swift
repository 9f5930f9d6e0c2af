import Diagnostics
import ModelFiles
import Testing

@Suite struct MalformedNPYTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func expectRefused(
        _ bytes: [UInt8], mentioning text: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let path = try directory.file("bad.npy", bytes)
        expectError(.badData, mentioning: path, sourceLocation: sourceLocation) { _ = try NPYReader(path) }
        expectError(.badData, mentioning: text, sourceLocation: sourceLocation) { _ = try NPYReader(path) }
    }

    @Test(arguments: ["v1-float32", "v2-float64", "v3-uint8", "scalar", "none"])
    func everyTruncationAndAnyTail(name: String) throws {
        let bytes = try contents(fixture("formats/\(name).npy"))
        for count in 0..<bytes.count { try expectRefused(Array(bytes.prefix(count))) }
        try expectRefused(bytes + [0])
    }

    @Test(arguments: [
        (">f4", "big-endian"), (">f8", "big-endian"), ("<f2", "'<f2'"), ("<i4", "'<i4'"), ("<i8", "'<i8'"),
        ("|i1", "'|i1'"), ("|b1", "'|b1'"), ("<c8", "'<c8'"), ("|O", "pickled"), ("<U4", "'<U4'"), ("", "''"),
        ("|V8", "'|V8'"), ("<f4\u{1b}[31m", "'<f4"), ("f4", "'f4'"), ("<f16", "'<f16'"),
    ])
    func typesThatAreNotRead(type: String, reason: String) throws {
        try expectRefused(npy(type, "(1,)", [0, 0, 0, 0]), mentioning: reason)
    }

    @Test func otherLayouts() throws {
        let four: [UInt8] = [0, 0, 0, 0]
        try expectRefused(
            npy(header: "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", four),
            mentioning: "Fortran")
        try expectRefused(
            npy(header: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", four),
            mentioning: "records")
    }

    @Test(arguments: [
        "1", "(1)", "[1]", "(-1,)", "(1.0,)", "(1e0,)", "(01,)", "(1,,)", "(,)", "(1 1)", "(1,", "(1,)(",
        "None",
        "('1',)", "((1,),)", "(1L,)", "(2,)", "(0,)", "(2, 0)", "(9223372036854775807,)",
        "(9223372036854775808,)",
        "(4294967296, 4294967296)", "(4611686018427387904, 4)",
        "(9223372036854775807, 9223372036854775807, 0)",
        "(" + String(repeating: "1, ", count: 65) + ")", String(repeating: "(", count: 10000),
        "(1" + String(repeating: "0", count: 500) + ",)",
    ])
    func malformedShapes(shape: String) throws { try expectRefused(npy("<f4", shape, [0, 0, 0, 0])) }

    @Test(arguments: [
        "", " ", "{", "{}", "{}}", "[]", "'descr'", "{'descr': '<f4'}", "{'descr': '<f4', 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False}", "{'shape': (1,), 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4\", 'fortran_order': False, 'shape': (1,)}",
        "{,'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,),,}",
        "{'descr': 4, 'fortran_order': False, 'shape': (1,)}",
        "{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': FalseTrue, 'shape': (1,)}",
    ])
    func malformedHeaders(header: String) throws { try expectRefused(npy(header: header, [0, 0, 0, 0])) }

    @Test func otherMagicVersionsAndLengths() throws {
        let good = npy("<f4", "(1,)", [0, 0, 0, 0])
        try expectRefused(Array("PK\u{3}\u{4}            ".utf8), mentioning: ".npy")
        for (at, value) in [(0, 0x92), (5, 0x79), (6, 0), (6, 4), (6, 255), (7, 1)] as [(Int, UInt8)] {
            var bytes = good
            bytes[at] = value
            try expectRefused(bytes)
        }
        for length: UInt32 in [0, 1, 1000, 1 << 20, 1 << 31, .max] {
            let prefix: [UInt8] = [0x93] + "NUMPY".utf8 + [2, 0]
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
            try expectRefused(prefix + bytes + good.dropFirst(10))
        }
    }
}
