import CTopology

/// How the calling thread treats subnormal numbers.
///
/// Subnormal operands slow multiplication many times over on common processors, and carry nothing that an
/// inference needs. The mode belongs to a thread: enter it where a worker starts and restore it before the
/// thread returns to whoever owns it. Kernels, which load and store memory that others see, stay between the
/// two calls; the compiler may still move arithmetic on local values across them.
public enum FloatingPointMode {
    /// A control word as it was before.
    public struct Saved: Sendable, Equatable {
        @usableFromInline let word: UInt64

        @usableFromInline init(word: UInt64) {
            self.word = word
        }
    }

    /// The control word of the calling thread.
    @inlinable @inline(__always)
    public static var current: Saved {
        Saved(word: ctopology_read_floating_point_control())
    }

    /// Makes subnormal results and operands zero on the calling thread, until ``restore(_:)``.
    @inlinable @inline(__always)
    public static func enterFlushToZero() -> Saved {
        let saved = current
        ctopology_write_floating_point_control(saved.word | ctopology_flush_to_zero_bits())
        return saved
    }

    /// Gives the calling thread the mode that it had.
    @inlinable @inline(__always)
    public static func restore(_ saved: Saved) {
        ctopology_write_floating_point_control(saved.word)
    }
}
