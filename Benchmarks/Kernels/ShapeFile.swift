import Foundation
import ResNetEngine

/// Files of layers: one a line, a name and, as the last word, the layer. `#` starts a comment.
enum ShapeFile {
    struct Layer {
        let name: String
        let problem: LayerProblem
    }

    static func read(_ path: String) throws -> [Layer] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw EngineError(.missingInput, path, "cannot be read", expected: "a file of layers")
        }
        var layers: [Layer] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(separator: " ")
            guard let last = words.last else { continue }
            let problem = try LayerProblem(String(last), subject: "\(path):\(index + 1)")
            let name = words.count > 1 ? words.dropLast().joined(separator: " ") : "\(problem)"
            layers.append(Layer(name: name, problem: problem))
        }
        return layers
    }
}
