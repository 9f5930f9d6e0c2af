import Kernels

/// The kernels that the operations of this package choose among, candidates for convolutions apart.
enum BuiltinKernels {
    static func names(_ table: KernelTable) -> [String] {
        ChannelAffineSum.kernelNames(table) + Flatten.kernelNames + Linear.kernelNames(table)
            + Pooling.kernelNames(table)
    }
}
