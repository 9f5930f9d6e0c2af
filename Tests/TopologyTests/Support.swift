import Diagnostics
import Foundation
import Testing
import Topology

/// The path of a recorded machine.
func recording(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: name, withExtension: "xml", subdirectory: "Resources")).path
}

/// The error that a call throws, a failure when it throws none.
func engineError(
    _ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) throws -> EngineError {
    try #require(throws: EngineError.self, sourceLocation: sourceLocation, performing: body)
}

/// A folder that is removed with its last reference.
final class TemporaryFolder {
    let path: String

    init(files: [String: String] = [:]) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "topology-\(UUID().uuidString)")
        path = url.path
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (name, content) in files {
            let file = url.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: file)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs a body on a thread of its own, so that masks and modes of test threads stay as they are.
func onNewThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}
