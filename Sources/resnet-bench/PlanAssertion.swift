import CommandSupport
import ResNetEngine

/// What a plan is asserted to be, for scripts.
struct PlanAssertion {
    private enum Claim {
        case count(operation: String, relation: String, number: Int)
        case kernel(layer: String, kernel: String)
    }

    private let flag: String
    private let text: String
    private let claim: Claim

    /// In the order in which they are looked for.
    private static let relations: [(symbol: String, holds: @Sendable (Int, Int) -> Bool, words: String)] = [
        ("<=", { $0 <= $1 }, "at most"), (">=", { $0 >= $1 }, "at least"), ("=", { $0 == $1 }, "exactly"),
        ("<", { $0 < $1 }, "fewer than"), (">", { $0 > $1 }, "more than"),
    ]

    /// `convolution<=53`: how many steps have an operation of that pattern.
    /// - Throws: `usage` for anything else.
    init(count text: String) throws(EngineError) {
        flag = "--assert-op-count"
        self.text = text
        for (symbol, _, _) in Self.relations {
            guard let (name, rest) = Self.split(text, at: symbol), !name.contains(where: "<>=".contains)
            else { continue }
            let number = try OptionValue.integer(rest, flag, in: 0...Int.max)
            claim = .count(operation: name, relation: symbol, number: number)
            return
        }
        throw EngineError(
            .usage, flag, "'\(text)'", expected: "an operation, one of <=, >=, =, <, > and a number")
    }

    /// `layer1.*=winograd*`: which kernel all layers of a pattern have.
    /// - Throws: `usage` for anything else.
    init(kernel text: String) throws(EngineError) {
        flag = "--assert-kernel"
        self.text = text
        guard let (layer, kernel) = Self.split(text, at: "="), !kernel.contains("=") else {
            throw EngineError(
                .usage, flag, "'\(text)'", expected: "patterns of layers and kernels, as 'fc=linear*'")
        }
        claim = .kernel(layer: layer, kernel: kernel)
    }

    /// - Parameter operations: all that the model is written with, which a plan may have none of.
    /// - Returns: what was found instead and what was expected; nil where the claim holds.
    func failure(_ steps: [PlannedStep], operations: Set<String>) -> (found: String, expected: String)? {
        switch claim {
        case .count(let operation, let relation, let number):
            let all = operations.union(steps.map(\.operation))
            guard all.contains(where: { KernelFilter.matches($0, operation) }) else {
                return ("no such operation", "one of \(all.sorted().joined(separator: ", "))")
            }
            let count = steps.count { KernelFilter.matches($0.operation, operation) }
            guard let rule = Self.relations.first(where: { $0.symbol == relation }),
                !rule.holds(count, number)
            else { return nil }
            return ("\(count) \(operation) steps", "\(rule.words) \(number)")
        case .kernel(let layer, let kernel):
            let layers = steps.filter { KernelFilter.matches($0.node, layer) }
            guard !layers.isEmpty else { return ("no layer '\(layer)'", "a pattern of a layer's name") }
            let others = layers.filter { !KernelFilter.matches($0.kernel, kernel) }
            guard let first = others.first else { return nil }
            return (
                "\(first.node) runs \(first.kernel), \(others.count) of \(layers.count) layers do not match",
                "'\(kernel)'"
            )
        }
    }

    /// Checks all, and names all that do not hold.
    /// - Throws: `comparison`.
    static func check(
        _ assertions: [PlanAssertion], _ steps: [PlannedStep], operations: Set<String>
    ) throws(EngineError) {
        let failures = assertions.compactMap { assertion in
            assertion.failure(steps, operations: operations).map { (assertion, $0) }
        }
        guard let (first, reason) = failures.first else { return }
        let others = failures.dropFirst().map { assertion, reason in
            "; \(assertion.flag) '\(assertion.text)': \(reason.found), expected \(reason.expected)"
        }
        throw EngineError(
            .comparison, "\(first.flag) '\(first.text)'", reason.found,
            expected: reason.expected + others.joined())
    }

    /// The parts on both sides of the first `symbol`, neither of them empty.
    private static func split(_ text: String, at symbol: String) -> (String, String)? {
        guard let range = text.firstRange(of: symbol) else { return nil }
        let (left, right) = (text[..<range.lowerBound], text[range.upperBound...])
        return left.isEmpty || right.isEmpty ? nil : (String(left), String(right))
    }
}
