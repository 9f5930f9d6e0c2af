import Diagnostics
import Kernels
import KernelsAVX2
import KernelsAVX512
import KernelsBaseline
import Topology

/// The one place that knows which module holds which instruction set.
enum KernelSelection {
    static func table(for level: ISALevel) -> KernelTable {
        switch level {
        case .baseline: .baseline
        #if arch(x86_64)
            case .avx2: .avx2
            case .avx512: .avx512
        #else
            case .avx2, .avx512: .baseline
        #endif
        }
    }

    /// The first candidate that takes the problem, with every earlier one's reason. The choice depends on the
    /// problem, the instruction set and options alone, so that a row has the same bits in every batch.
    static func choose(
        for problem: ConvolutionProblem, in table: KernelTable, node: String
    ) throws(EngineError) -> (kernel: ConvolutionKernel, rejected: [KernelRejection]) {
        var rejected: [KernelRejection] = []
        for kernel in table.convolutions {
            switch kernel.supports(problem) {
            case .yes: return (kernel, rejected)
            case .no(let reason): rejected.append(KernelRejection(kernel: kernel.name, reason: reason))
            }
        }
        throw EngineError(.internalError, node, "no kernel of \(table.isa) takes \(problem)")
    }
}

/// A kernel candidate that was not picked, and why.
public struct KernelRejection: Sendable, Hashable {
    public let kernel: String
    public let reason: String
    public var kind = Kind.incapable

    public enum Kind: Sendable, Hashable {
        /// Cannot run the layer.
        case incapable
        /// Could, but an option or the rest of the network rules it out.
        case ruledOut
        /// Could, but is not expected to be the fastest.
        case slower
    }
}
