import Diagnostics
import Foundation
import ModelFiles
import Tensors
import Testing

@Suite struct AtomicOutputFileTests {
    private func write(_ bytes: [UInt8], to path: String, commits: Bool = true) throws {
        let file = try AtomicOutputFile(path)
        try file.write(bytes)
        if commits { try file.commit() }
    }

    @Test func theNameAppearsWithCommit() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.file("x", [9])
        do {
            let file = try AtomicOutputFile(path)
            try file.write([1, 2])
            #expect(try contents(path) == [9])
            #expect(directory.names.count == 2)
            try file.commit()
            try file.commit()
            expectError(.usage) { try file.write([3]) }
        }
        #expect(try contents(path) == [1, 2])
        #expect(directory.names == ["x"])
    }

    @Test func withoutCommitNothingStays() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.file("x", [9])
        try write([1, 2], to: path, commits: false)
        #expect(try contents(path) == [9])
        #expect(directory.names == ["x"])
    }

    @Test func aLinkIsKept() throws {
        let directory = try TemporaryDirectory()
        let (target, link) = (try directory.file("target", [9]), "\(directory.path)/link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target")
        try write([1], to: link)
        #expect(try contents(target) == [1])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target")
    }

    @Test func targetsThatCannotBeCreated() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("x")
        for path in [directory.path, "\(directory.path)/none/x", "\(file)/x", "", "/", "/proc/x.npy"] {
            expectError(.cannotCreate) { try write([1], to: path) }
            expectError(.cannotCreate) { _ = try NPYWriter(path, shape: [1]) }
            expectError(.cannotCreate) { try Safetensors.write(StateDictionary(), to: path) }
        }
        #expect(directory.names == ["x"])
    }

    @Test func aDirectoryMadeMeanwhileCannotBeReplaced() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/x"
        let file = try AtomicOutputFile(path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        expectError(.cannotCreate) { try file.commit() }
        #expect(directory.names == ["x"])
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func aFullDeviceIsAWriteError() throws {
        expectError(.inputOutput, mentioning: "/dev/full") { _ = try NPYWriter("/dev/full", shape: [1]) }
        expectError(.inputOutput, mentioning: "/dev/full") {
            try Safetensors.write(StateDictionary(), to: "/dev/full")
        }
        #expect(FileManager.default.fileExists(atPath: "/dev/full"))
    }

    @Test func devicesAndPipesAreWrittenDirectly() throws {
        try write([1, 2, 3], to: "/dev/null")
        #expect(
            try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
                != .typeRegular)

        let directory = try TemporaryDirectory()
        let pipe = "\(directory.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        // Opened for both, a pipe waits for nobody.
        let reader = open(pipe, O_RDWR)
        defer { close(reader) }
        try write([1, 2, 3], to: pipe)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(read(reader, &bytes, 8) == 3)
        #expect(directory.names == ["pipe"])
    }
}
