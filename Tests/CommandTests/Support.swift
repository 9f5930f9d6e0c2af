import Foundation
import ModelFiles
import Testing

/// A command of this package, as built beside the tests.
enum Program: String, CaseIterable {
    case bench = "resnet-bench"
    case score = "resnet-score"

    var url: URL {
        // On Linux the test bundle is a program itself, and products stand in one folder.
        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return tests.deletingLastPathComponent().appendingPathComponent(rawValue)
    }
}

/// A plugin of this package, as built beside the tests.
func library(_ name: String) -> String {
    Program.bench.url.deletingLastPathComponent().appendingPathComponent("lib\(name).so").path
}

/// What became of a command.
struct Outcome {
    let status: Int32
    let endedBySignal: Bool
    let output: Data
    let error: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorLines: [Substring] { error.split(separator: "\n") }
}

/// Runs a command to its end.
func run(
    _ program: Program, _ arguments: [String], standardOutput: String? = nil,
    environment: [String: String] = [:], afterStart: ((Process) throws -> Void)? = nil
) throws -> Outcome {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = program.url
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, given in given }
    // Not that of the tests, which another suite may change or delete meanwhile.
    process.currentDirectoryURL = folder.url
    process.standardInput = FileHandle.nullDevice
    let output = standardOutput ?? folder.path("out")
    process.standardOutput = try writing(output, isNew: standardOutput == nil)
    process.standardError = try writing(folder.path("err"), isNew: true)
    try process.run()
    try afterStart?(process)
    process.waitUntilExit()
    return Outcome(
        status: process.terminationStatus, endedBySignal: process.terminationReason == .uncaughtSignal,
        output: standardOutput == nil ? try Data(contentsOf: URL(fileURLWithPath: output)) : Data(),
        error: String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path("err"))), as: UTF8.self)
    )
}

private func writing(_ path: String, isNew: Bool) throws -> FileHandle {
    if isNew { #expect(FileManager.default.createFile(atPath: path, contents: nil)) }
    return try #require(FileHandle(forWritingAtPath: path))
}

/// Expects a failure with that status, and one line that says so and holds `text`.
func expectFailure(
    _ program: Program, _ arguments: [String], _ status: Int32, _ text: String = "",
    standardOutput: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let outcome = try run(program, arguments, standardOutput: standardOutput)
    let lines = outcome.errorLines.filter { !$0.hasPrefix("warning[") }
    #expect(!outcome.endedBySignal, "\(arguments)", sourceLocation: sourceLocation)
    #expect(outcome.status == status, "\(arguments): \(outcome.error)", sourceLocation: sourceLocation)
    #expect(lines.count == 1, "\(arguments): \(outcome.error)", sourceLocation: sourceLocation)
    #expect(lines.first?.hasPrefix("error[") == true, "\(outcome.error)", sourceLocation: sourceLocation)
    #expect(text.isEmpty || outcome.error.contains(text), "\(outcome.error)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, "\(outcome.text)", sourceLocation: sourceLocation)
}

/// Expects success without a word on standard error, but for progress and warnings.
@discardableResult
func expectSuccess(
    _ program: Program, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
    let outcome = try run(program, arguments)
    #expect(outcome.status == 0, "\(arguments): \(outcome.error)", sourceLocation: sourceLocation)
    #expect(!outcome.endedBySignal, "\(arguments)", sourceLocation: sourceLocation)
    #expect(
        outcome.errorLines.allSatisfy { $0.hasPrefix("warning[") }, "\(outcome.error)",
        sourceLocation: sourceLocation)
    return outcome
}

/// A folder that goes with its last reference.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("commands-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    /// A file of these bytes.
    func file(_ name: String, _ content: Data) throws -> String {
        try content.write(to: url.appendingPathComponent(name))
        return path(name)
    }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }
}

/// The path of a file in `Tests/Fixtures`.
func fixture(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures").appendingPathComponent(name).path
}

/// A small network with weights, images and PyTorch's results.
struct Fixture: Sendable, CustomTestStringConvertible {
    let name: String

    static let small = Fixture(name: "small")
    static let odd = Fixture(name: "odd")
    static let all = [small, odd, Fixture(name: "wide-input")]

    var testDescription: String { name }
    func file(_ file: String) -> String { fixture("notebook/\(name)/\(file)") }
    var modelOptions: [String] { ["--weights", file("weights.safetensors")] }
}

func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

func floats(_ path: String) throws -> (shape: [Int], values: [Float]) {
    let tensor = try NPYReader(path).readAll()
    return (tensor.shape.dimensions, tensor.values)
}

/// The largest difference as a share of the largest expected value; infinite for one that is not a number.
func error(_ path: String, against golden: String) throws -> Float {
    let (shape, values) = try floats(path)
    let (expectedShape, expected) = try floats(golden)
    guard shape == expectedShape, values.count == expected.count else { return .infinity }
    let differences = zip(values, expected).map { abs($0 - $1) }
    guard differences.allSatisfy(\.isFinite) else { return .infinity }
    let difference = differences.max() ?? 0
    return difference == 0 ? 0 : difference / (expected.map(abs).max() ?? 1)
}

/// The bytes of a `.npy` file of float32 zeros.
func emptyArray(_ shape: [Int]) -> Data {
    let tuple = shape.map(String.init).joined(separator: ", ")
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(tuple)), }"
    while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
    header += "\n"
    let length = header.utf8.count
    var data = Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(length % 256), UInt8(length / 256)] + header.utf8)
    data.append(Data(count: 4 * shape.reduce(1, *)))
    return data
}
