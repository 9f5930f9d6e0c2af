import Diagnostics
import Kernels
import Topology

/// Checks every kernel of an instruction set against the float64 reference on seeded shapes.
public enum KernelVerification {
    /// What became of one kernel.
    public struct Outcome: Sendable {
        public let kernel: String
        /// Shapes tried.
        public let cases: Int
        /// The largest error as a share of what its accuracy class allows; above 1 it failed.
        public let worstError: Double
        /// Every failed case, as a problem that can be run again.
        public let failures: [String]
    }

    /// - Throws: `unavailable` for an instruction set above the machine's.
    public static func run(isa: ISALevel, seed: UInt64) throws(EngineError) -> [Outcome] { [] }
}
