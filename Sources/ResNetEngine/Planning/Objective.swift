/// What kernels are chosen for. Where it picks kernels that round differently, it changes results in their last bits; the number
/// of images that are scored changes none.
public enum Objective: String, Sendable, Hashable, CaseIterable {
    /// Images a second of large batches, in which each reading of the weights serves many images.
    case throughput
    /// The time of one image, for which all weights are read: Winograd's, which are four times those of the definition, are
    /// taken where fewer products make up for that. A batch of 32 may take longer.
    case latency
}
