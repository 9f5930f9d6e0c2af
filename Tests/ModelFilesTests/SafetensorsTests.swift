import Diagnostics
import ModelFiles
import Tensors
import Testing

@Suite struct SafetensorsTests {
    static let written = [
        "notebook/small/weights", "notebook/small/buffers_after_train", "notebook/odd/weights",
        "notebook/wide-input/weights", "generator/seed0", "formats/names", "formats/empty",
        "formats/types-widened",
    ]

    @Test(arguments: written) func writingGivesTheBytesOfTheOfficialLibrary(name: String) throws {
        let source = fixture("\(name).safetensors")
        let directory = try TemporaryDirectory()
        let copy = "\(directory.path)/copy"
        try Safetensors.write(try Safetensors.read(source), to: copy)
        #expect(try contents(copy) == contents(source))
        #expect(directory.names == ["copy"])
    }

    @Test func everyTypeIsConvertedByValue() throws {
        let state = try Safetensors.read(fixture("formats/types.safetensors"))
        let golden = try Safetensors.read(fixture("formats/types-widened.safetensors"))
        #expect(state.names.sorted() == golden.names.sorted())
        for name in golden.names {
            #expect(state[name]?.shape == golden[name]?.shape)
            switch golden[name] {
            case .tensor(let expected)?:
                #expect(sameValues(try state.values(name), expected.values), "\(name)")
            case .integers(_, let expected)?:
                guard case .integers(_, let values)? = state[name] else {
                    Issue.record("\(name) holds no integers")
                    continue
                }
                #expect(values == expected, "\(name)")
            case nil: Issue.record("no \(name)")
            }
        }
    }

    @Test func everyPatternOfTheShortTypes() throws {
        let patterns = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let header =
            #"{"f":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]},"#
            + #""b":{"dtype":"BF16","shape":[65536],"data_offsets":[131072,262144]}}"#
        let directory = try TemporaryDirectory()
        let file = try directory.file("short", safetensors(header, patterns + patterns))
        let state = try Safetensors.read(file)
        let (halves, brains) = (try state.values("f"), try state.values("b"))
        for pattern in 0...UInt16.max {
            let brain = Float(bitPattern: UInt32(pattern) << 16)
            #expect(sameValues([brains[Int(pattern)]], [brain]))
            let (exponent, fraction) = (Int(pattern >> 10 & 31), Float(pattern & 1023))
            let magnitude: Float =
                switch exponent {
                case 0: fraction * 0x1p-24
                case 31: fraction == 0 ? .infinity : .nan
                default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
                }
            #expect(sameValues([halves[Int(pattern)]], [pattern < 0x8000 ? magnitude : -magnitude]))
        }
    }

    @Test func tensorsKeepTheOrderOfTheHeader() throws {
        let header =
            #"{"z":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},"#
            + #" "a" : { "data_offsets" : [0,4], "shape":[ ], "dtype":"F32" } } "#
        let directory = try TemporaryDirectory()
        let state = try Safetensors.read(try directory.file("x", safetensors(header, [0, 0, 128, 63, 7, 8])))
        #expect(state.names == ["z", "a"])
        #expect(try state.values("a") == [1])
        guard case .integers(let shape, [7, 8])? = state["z"] else {
            Issue.record("\(String(describing: state["z"]))")
            return
        }
        #expect(shape.dimensions == [2])
    }

    @Test func escapesInNames() throws {
        let header =
            #"{"\u00e9\ud83d\ude42\/\b\f\n\r\t\"\\":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#
        let directory = try TemporaryDirectory()
        let state = try Safetensors.read(try directory.file("x", safetensors(header)))
        #expect(state.names == ["é🙂/\u{8}\u{c}\n\r\t\"\\"])
    }

    @Test func integersMustFillTheirShape() throws {
        let directory = try TemporaryDirectory()
        var state = StateDictionary()
        state["n"] = .integers(shape: try Shape([3]), values: [1])
        expectError(.badData, mentioning: "tensor 'n'") {
            try Safetensors.write(state, to: "\(directory.path)/x")
        }
        #expect(directory.names.isEmpty)
    }
}

/// A safetensors file with that header, unpadded, and those data.
func safetensors(_ header: some StringProtocol, _ data: [UInt8] = []) -> [UInt8] {
    safetensors(Array(header.utf8), data)
}

func safetensors(_ header: [UInt8], _ data: [UInt8] = []) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) } + header + data
}
