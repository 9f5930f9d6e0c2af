import Diagnostics
import Foundation
import ModelFiles
import Testing

/// Times of kernels in a file: what is written reads back, what is damaged is refused, and nothing of others is lost.
@Suite struct TuningFileTests {
    private let records = [
        "CPU \"x\"\n; conv:n1c64h8w8,k64r1s1": ["a.f32.1x1.avx2": 1200, "b": 1], "other": ["a": Int.max],
    ]

    @Test func writtenTimesReadBack() throws {
        let folder = try TemporaryDirectory()
        let file = TuningFile("\(folder.path)/times")
        #expect(try file.read() == [:])
        try file.add(records)
        #expect(try file.read() == records)
        try file.add(["other": ["a": 3], "new": [:]])
        #expect(try file.read() == records.merging(["other": ["a": 3], "new": [:]]) { $1 })
        #expect(folder.names == ["times"])
    }

    /// A file that ends early or holds another byte reads as other times or is refused; then it is replaced.
    @Test func damagedFilesAreReplaced() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/times"
        try TuningFile(path).add(records)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let end = whole.count - 1
        for count in stride(from: 0, to: end, by: 3) {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: EngineError.self) { try TuningFile(path).read() }
            #expect(error?.code == .badData && error?.subject == path)
            try TuningFile(path).add(["new": ["a": 1]])
            #expect(try TuningFile(path).read() == ["new": ["a": 1]])
        }
        for index in whole.indices {
            for byte in [0, 0x22, 0x7b, 0x7d, 0xff] as [UInt8] {
                var damaged = whole
                damaged[index] = byte
                try damaged.write(to: URL(fileURLWithPath: path))
                do { _ = try TuningFile(path).read() } catch { #expect(error.code == .badData) }
            }
        }
    }

    @Test(arguments: [
        "", "{}", "weights", #"{"schema":"resnet-engine.tuning/2","problems":{}}"#, "[1,2]",
        "\u{feff}{\"schema\"",
    ])
    func filesOfOthersStay(content: String) throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/file"
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: EngineError.self) { try TuningFile(path).read() }
        guard !content.isEmpty else { return }
        #expect(throws: EngineError.self) { try TuningFile(path).add(records) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(content.utf8))
    }

    @Test func placesThatCannotBeUsedAreErrors() throws {
        let folder = try TemporaryDirectory()
        for path in ["\(folder.path)/none/times", folder.path, "/dev/null"] {
            #expect(throws: EngineError.self) { try TuningFile(path).add(records) }
        }
        #expect(folder.names.isEmpty)
    }

    /// Whoever reads meanwhile finds a whole file.
    @Test func writersAtTheSameTime() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/times"
        try TuningFile(path).add(records)
        DispatchQueue.concurrentPerform(iterations: 8) { writer in
            for turn in 0..<20 {
                #expect(throws: Never.self) {
                    try TuningFile(path).add(["\(writer)": ["a": turn + 1]])
                    #expect(try TuningFile(path).read()["other"] == ["a": Int.max])
                }
            }
        }
        #expect(folder.names == ["times"])
        #expect(try TuningFile(path).read().count > 2)
    }
}
