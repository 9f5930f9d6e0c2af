import Diagnostics
import ModelFiles
import Tensors
import Testing

@Suite struct NPYTests {
    @Test(arguments: ["v1", "v2", "v3"], ["float32", "float64", "uint8"])
    func everyVersionAndType(version: String, type: String) throws {
        let tensor = try NPYReader(fixture("formats/\(version)-\(type).npy")).readAll()
        #expect(tensor.shape.dimensions == [4, 3, 2])
        let expected = (0..<24).map { index -> Float in
            guard (6..<12).contains(index) else { return Float(index) }
            return switch type {
            case "uint8": Float(index * 3)
            case "float64": Float(Double(index) * 0.1)
            default: Float(index) * 0.1
            }
        }
        #expect(tensor.values == expected)
    }

    @Test(arguments: [
        "notebook/small/input", "notebook/small/output_train", "notebook/odd/input", "formats/scalar",
        "formats/vector", "formats/none", "formats/long",
    ])
    func writingGivesTheBytesOfNumpy(name: String) throws {
        let source = fixture("\(name).npy")
        let directory = try TemporaryDirectory()
        let copy = "\(directory.path)/copy"
        try NPYWriter.write(try NPYReader(source).readAll(), to: copy)
        #expect(try contents(copy) == contents(source))
        #expect(directory.names == ["copy"])
    }

    @Test(arguments: [
        "notebook/wide-input/input", "formats/v1-float64", "formats/v1-uint8", "formats/vector",
    ])
    func rowsAreThoseOfTheWhole(name: String) throws {
        let reader = try NPYReader(fixture("\(name).npy"))
        let whole = try reader.readAll().values
        #expect(reader.rowCount == reader.shape[0])
        for start in 0...reader.rowCount {
            for end in start...reader.rowCount {
                let expected = whole[start * reader.rowElementCount..<end * reader.rowElementCount]
                #expect(try rows(reader, start..<end) == Array(expected))
            }
        }
    }

    @Test func manyRowsAreConvertedInChunks() throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let directory = try TemporaryDirectory()
        let reader = try NPYReader(try directory.file("x.npy", npy("|u1", "(1000, 100)", bytes)))
        #expect(try reader.readAll().values == bytes.map(Float.init))
        #expect(try rows(reader, 10..<990) == bytes[1000..<99000].map(Float.init))
    }

    @Test func appendedRowsAreOneFile() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/x.npy"
        let values = (0..<42).map(Float.init)
        let writer = try NPYWriter(path, shape: [6, 7])
        for row in [0..<1, 1..<1, 1..<4, 4..<6] {
            try values[row.lowerBound * 7..<row.upperBound * 7].withUnsafeBufferPointer {
                try writer.append($0)
            }
        }
        #expect(!directory.names.contains("x.npy"))
        try writer.commit()
        #expect(try NPYReader(path).readAll().values == values)
    }

    @Test func callersAreHeldToTheShape() throws {
        let directory = try TemporaryDirectory()
        let reader = try NPYReader(fixture("formats/vector.npy"))
        expectError(.usage) { _ = try rows(reader, 4..<6) }
        expectError(.usage) { _ = try rows(reader, -1..<2) }
        expectError(.usage) { _ = try rows(reader, 0..<2, count: 3) }
        let writer = try NPYWriter("\(directory.path)/x.npy", shape: [2])
        try [Float](repeating: 1, count: 1).withUnsafeBufferPointer { try writer.append($0) }
        expectError(.usage) { try writer.commit() }
        expectError(.usage) {
            try [Float](repeating: 1, count: 2).withUnsafeBufferPointer { try writer.append($0) }
        }
        expectError(.badData) { _ = try NPYWriter("\(directory.path)/y.npy", shape: [-1]) }
    }

    @Test(arguments: [
        "{'descr':'<f4','fortran_order':False,'shape':(2,)}",
        "{ \"shape\" : ( 2 , ) , \"fortran_order\" : False , \"descr\" : \"<f4\" , }   \n",
        "\n{'fortran_order': False, 'descr': '<f4',\n 'shape': (2,),\n}\n",
    ])
    func spellingsOfTheHeader(header: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("x.npy", npy(header: header, [0, 0, 128, 63, 0, 0, 0, 64]))
        #expect(try NPYReader(file).readAll().values == [1, 2])
    }

    private func rows(_ reader: NPYReader, _ range: Range<Int>, count: Int? = nil) throws -> [Float] {
        var values = [Float](repeating: .nan, count: count ?? range.count * reader.rowElementCount)
        try values.withUnsafeMutableBufferPointer { try reader.readRows(range, into: $0) }
        return values
    }
}

/// A `.npy` file of version 1 with an unpadded header.
func npy(_ type: String, _ shape: String, _ elements: [UInt8]) -> [UInt8] {
    npy(header: "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }", elements)
}

func npy(header: String, _ elements: [UInt8]) -> [UInt8] {
    let length = header.utf8.count
    let prefix: [UInt8] = [0x93] + "NUMPY".utf8 + [1, 0]
    return prefix + [UInt8(length & 255), UInt8(length >> 8)] + header.utf8 + elements
}
