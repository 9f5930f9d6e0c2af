import Diagnostics
import Kernels
import Tensors
import Topology

/// The numbers of steps that follow from weights alone: packed weights, biases, coefficients. They are computed as steps are made,
/// or read where an engine has computed them before, or copied from those of the same steps made before.
final class StepParameters {
    /// One buffer of a step.
    struct Entry: Sendable {
        /// The node, what it is, and the kernel that it is packed for.
        let name: String
        let values: AlignedBuffer<Float>
    }

    let source: PreparedWeights?
    /// What is copied, in the order in which steps are made.
    private let originals: [Entry]
    /// The NUMA nodes that pages of large buffers are dealt to; empty where they lie near who touches them first.
    var nodes: [Int]
    private(set) var isPlacingRefused = false
    private(set) var entries: [Entry] = []
    /// Nodes with parameters that went another way: those of other people's kernels.
    private(set) var others: [String] = []

    /// - Parameters:
    ///   - source: what an engine has computed before.
    ///   - nodes: NUMA nodes that pages of large buffers are dealt to.
    init(_ source: PreparedWeights? = nil, interleavedOver nodes: [Int] = []) {
        self.source = source
        self.nodes = nodes
        originals = []
    }

    /// Copies, which the calling thread touches first.
    init(copying originals: [Entry]) {
        source = nil
        nodes = []
        self.originals = originals
    }

    /// A buffer of floats: zeros that `compute` fills, or what there is of that name.
    ///
    /// - Throws: what `compute` throws; `resource` where memory is refused; `badData` where an engine of other options
    ///   computed what there is; `internalError` where the steps copied were others.
    func buffer(
        _ name: String, count: Int, subject: String,
        _ compute: (UnsafeMutablePointer<Float>) throws(EngineError) -> Void
    ) throws(EngineError) -> AlignedBuffer<Float> {
        let values: AlignedBuffer<Float>
        if let source, nodes.isEmpty {
            values = try source.buffer(name, count: count)
        } else {
            values = try AlignedBuffer(count: count, subject: subject)
            if !nodes.isEmpty, !values.pages.isEmpty, !NodeMemory.interleave(values.pages, over: nodes) {
                isPlacingRefused = true
            }
            if let source {
                values.pointer.update(from: try source.buffer(name, count: count).pointer, count: count)
            } else if originals.isEmpty {
                try compute(values.pointer)
            } else {
                let original = entries.count < originals.count ? originals[entries.count] : nil
                guard let original, original.name == name, original.values.count == count else {
                    throw EngineError(.internalError, subject, "copy of '\(name)' without its original")
                }
                values.pointer.update(from: original.values.pointer, count: count)
            }
        }
        entries.append(Entry(name: name, values: values))
        return values
    }

    /// Makes the step of a node, whose parameters must have come by here.
    ///
    /// - Throws: what `make` throws; `unavailable` where they are to be read and have not been.
    func make(
        _ node: String, hasParameters: Bool, _ make: () throws(EngineError) -> any Step
    ) throws(EngineError) -> any Step {
        let before = entries.count
        let step = try make()
        if hasParameters, entries.count == before {
            guard source == nil else { throw Self.unavailable(node) }
            others.append(node)
        }
        return step
    }

    static func unavailable(_ node: String) -> EngineError {
        EngineError(
            .unavailable, node, "a kernel that packs its weights by itself",
            expected: "kernels of this package alone, where prepared weights are saved or read")
    }
}

extension StepPlanningContext {
    /// A buffer of numbers that follow from weights alone.
    ///
    /// - Parameters:
    ///   - what: tells it from others of the step, and names the kernel where its order depends on that.
    ///   - compute: fills it; it holds zeros.
    func parameters(
        _ what: String, count: Int,
        _ compute: (UnsafeMutablePointer<Float>) throws(EngineError) -> Void
    ) throws(EngineError) -> AlignedBuffer<Float> {
        try parameters.buffer("\(node) \(what)", count: count, subject: node, compute)
    }
}
