import Foundation
import ModelFiles
import ResNetEngine
import Testing

/// The README's example, word for word, run on files of its own.
@Suite(.serialized) struct ReadmeTests {
    private func example() throws {
        // README
        // Weights saved by PyTorch; the network's geometry is read off their shapes.
        let weights = try Safetensors.read("notebook.safetensors")
        let model = try Model(ResNet(matching: weights), weights: weights)

        // Prepared once: batch norm folded, kernels chosen, weights packed, memory placed.
        let engine = try Engine(model)

        // Any number of rows, from any thread; `try await engine.score(images)` in a task.
        let images = try NPYReader("images.npy").readAll()  // (n, 3, 28, 28), float32
        let scores = try engine.score(images)  // (n, 10), rows in order
        try NPYWriter.write(scores, to: "scores.npy")
        // README
    }

    @Test func exampleRuns() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "readme-\(UUID().uuidString)")
        let before = FileManager.default.currentDirectoryPath
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            _ = FileManager.default.changeCurrentDirectoryPath(before)
            try? FileManager.default.removeItem(at: folder)
        }
        #expect(FileManager.default.changeCurrentDirectoryPath(folder.path))
        try Safetensors.write(Model(ResNet(), seed: 1).weights, to: "notebook.safetensors")
        try NPYWriter.write(seededInput([5, 3, 28, 28]), to: "images.npy")
        try example()
        let scores = try NPYReader("scores.npy").readAll()
        #expect(scores.shape.dimensions == [5, 10])
        #expect(scores.values.allSatisfy(\.isFinite) && Set(scores.values).count == 50)
    }

    @Test func readmeShowsTheExample() throws {
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let parts = source.components(separatedBy: "        // README\n")
        try #require(parts.count == 3)
        let example = parts[1].split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("        ") ? $0.dropFirst(8) : $0 }.joined(separator: "\n")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(readme.contains("```swift\nimport ModelFiles\nimport ResNetEngine\n\n" + example + "```"))
    }
}
