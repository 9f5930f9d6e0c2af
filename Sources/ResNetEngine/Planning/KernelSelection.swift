import Kernels
import KernelsAVX2
import KernelsAVX512
import KernelsAVX512BF16
import KernelsBaseline
import Topology

/// The one place that knows which module holds which instruction set.
enum KernelSelection {
    static func table(for level: ISALevel) -> KernelTable {
        switch level {
        case .baseline: .baseline
        #if arch(x86_64)
            case .avx2: .avx2
            case .avx512: avx512
        #else
            case .avx2, .avx512: .baseline
        #endif
        }
    }

    #if arch(x86_64)
        /// With what the processor has beyond the level.
        private static var avx512: KernelTable {
            var table = KernelTable.avx512
            if ISALevel.multipliesBFloat16 { table.add(.avx512bf16, isa: "avx512bf16") }
            return table
        }
    #endif
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
