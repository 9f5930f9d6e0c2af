import Diagnostics
import Kernels
import Tensors

/// What an engine computed from a model's weights, saved so that another one need not: packed for kernels, normalisations folded,
/// layers composed. It serves the same network, options and instruction set.
///
/// As a state dictionary: `prepared`, the version of this form; for each of the model's tensors `shape NAME`, of no elements, its
/// shape after an extent of 0; and of every step what it reads, `NODE what kernel`, zeros after it up to whole cache lines.
public struct PreparedWeights: Sendable {
    /// Of the form. Another order of packed weights is another one.
    private static let version: Int64 = 1
    private static let versionName = "prepared"
    private static let shapePrefix = "shape "
    /// Integers of a cache line, so that floats after them start on one.
    private static let versionCount = 8

    /// What errors name.
    let subject: String
    private let state: StateDictionary
    /// The model's tensors, all zeros: their shapes tell the geometry of a network.
    public let blank: StateDictionary

    /// Whether tensors of these names are of this form.
    public static func describes(_ names: [String]) -> Bool { names.contains(versionName) }

    /// - Parameters:
    ///   - state: the tensors that an engine saved.
    ///   - subject: what errors name, such as a file.
    /// - Throws: `badData` for tensors that are not of this form, or of another version of it.
    public init(_ state: StateDictionary, subject: String) throws(EngineError) {
        guard case .integers(_, let values)? = state[Self.versionName], values.first == Self.version else {
            throw EngineError(
                .badData, subject, "prepared weights of another version",
                expected: "those of version \(Self.version): prepare them again")
        }
        var shapes: [(name: String, shape: Shape)] = []
        for name in state.names where name.hasPrefix(Self.shapePrefix) {
            guard let extents = state[name]?.shape.dimensions.dropFirst() else { continue }
            let shape = try Shape(Array(extents), subject: "\(subject): tensor '\(name)'")
            shapes.append((String(name.dropFirst(Self.shapePrefix.count)), shape))
        }
        // All of the same zeros.
        let zeros = try AlignedBuffer<Float>(
            count: shapes.reduce(0) { max($0, $1.shape.elementCount) }, subject: subject)
        var blank = StateDictionary()
        for (name, shape) in shapes {
            blank[name] = .tensor(Tensor(shape: shape, zeros.part(0..<shape.elementCount, isConstant: true)))
        }
        self.subject = subject
        self.state = state
        self.blank = blank
    }

    /// What a step reads.
    /// - Throws: `badData` where there is no such tensor, or one of another length.
    func buffer(_ name: String, count: Int) throws(EngineError) -> AlignedBuffer<Float> {
        guard let tensor = state.tensor(name), tensor.elementCount == Self.padded(count) else {
            throw EngineError(
                .badData, subject,
                state[name].map { "tensor '\(name)' of shape \($0.shape)" } ?? "no tensor '\(name)'",
                expected:
                    "\(Self.padded(count)) floats, as an engine of the same model, options and kernels saves them"
            )
        }
        return tensor.buffer.part(0..<count)
    }

    /// - Throws: `badData` naming a tensor unless there are those of a network, all of its shapes.
    fileprivate func check(
        _ parameters: [ParameterSpecification], of network: String
    ) throws(EngineError) {
        let wanted = parameters.filter { $0.initialization != .counter }
        let differing = wanted.first { blank[$0.name]?.shape.dimensions != $0.shape }
        let name = differing?.name ?? Self.leftover(of: blank.names, after: wanted.map(\.name))
        guard let name else { return }
        func text(_ shape: [Int]?) -> String { shape.map { "\(name) of shape \($0)" } ?? "no \(name)" }
        throw EngineError(
            .badData, subject, text(blank[name]?.shape.dimensions),
            expected: "\(text(wanted.first { $0.name == name }?.shape)), as \(network) has")
    }

    /// The first in order of the names that are not among others.
    private static func leftover(of names: [String], after others: [String]) -> String? {
        var others = others.sorted()[...]
        return names.sorted().first { name in
            others = others.drop { $0 < name }
            return others.first != name
        }
    }

    private static func padded(_ count: Int) -> Int { blocks(ofChannels: count) * channelBlock }

    /// What is to be saved of an engine.
    static func state(
        of architecture: any Architecture, _ entries: [StepParameters.Entry]
    ) throws(EngineError) -> StateDictionary {
        var state = StateDictionary()
        state[versionName] = .integers(
            shape: try Shape([versionCount]), values: [Int64](repeating: version, count: versionCount))
        for parameter in try architecture.parameters() where parameter.initialization != .counter {
            state[shapePrefix + parameter.name] = .tensor(try Tensor(shape: [0] + parameter.shape))
        }
        for entry in entries {
            let count = entry.values.count
            var buffer = entry.values
            if padded(count) > count {
                buffer = try AlignedBuffer(count: padded(count))
                buffer.pointer.update(from: entry.values.pointer, count: count)
            }
            state[entry.name] = .tensor(Tensor(shape: try Shape([padded(count)]), buffer))
        }
        return state
    }
}

extension Model {
    /// A model whose weights an engine has prepared: engines that are made of it read them, and it has no other weights.
    ///
    /// - Throws: `badData` unless they are those of a network of the same tensors.
    public init(_ architecture: any Architecture, prepared: PreparedWeights) throws(EngineError) {
        let graph: Graph
        do throws(EngineError) {
            var builder = try NetworkBuilder(
                architecture, context: ParameterContext(state: prepared.blank, mode: .running))
            let output = try architecture.build(&builder)
            graph = builder.finished(output: output)
            try prepared.check(builder.parameters, of: architecture.name)
        } catch {
            // What is wrong with the tensors says more than where a layer met it.
            try prepared.check(architecture.parameters(), of: architecture.name)
            throw error
        }
        self.init(architecture, prepared, graph)
    }
}
