import CTopology

/// The instruction sets that kernels are built for, narrowest first.
public enum ISALevel: String, Sendable, Comparable, CaseIterable {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    case baseline
    /// x86-64-v3: AVX2, FMA, F16C, BMI1/2, LZCNT and MOVBE.
    case avx2
    /// x86-64-v4: AVX-512 F, BW, CD, DQ and VL.
    case avx512

    /// The widest level that both this processor and its operating system support.
    public static let detected = ISALevel(cpuid: cpuid)

    /// Whether this processor multiplies bfloat16 numbers: AVX-512 BF16, which processors of the level `avx512` may have.
    public static let multipliesBFloat16 = multipliesBFloat16(cpuid: cpuid)

    /// Asked for once: a virtual machine may leave it to its host.
    private static let cpuid = ctopology_read_cpuid()

    static func multipliesBFloat16(cpuid: ctopology_cpuid) -> Bool {
        ISALevel(cpuid: cpuid) == .avx512 && cpuid.leaf7_1_eax.contains(bits: UInt32(bits: 5))
    }

    public static func < (left: ISALevel, right: ISALevel) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .baseline: 0
        case .avx2: 1
        case .avx512: 2
        }
    }
}

extension ISALevel {
    /// A level counts only when all its features are there, since compilers use any of them, and when the
    /// system saves the registers on a context switch.
    init(cpuid: ctopology_cpuid) {
        guard cpuid.leaf1_ecx.contains(bits: Self.version3Leaf1),
            cpuid.leaf7_ebx.contains(bits: Self.version3Leaf7),
            cpuid.extended1_ecx.contains(bits: Self.version3Extended),
            cpuid.saved_state.contains(bits: Self.vectorState)
        else {
            self = .baseline
            return
        }
        let isWide =
            cpuid.leaf7_ebx.contains(bits: Self.version4Leaf7)
            && cpuid.saved_state.contains(bits: Self.wideVectorState)
        self = isWide ? .avx512 : .avx2
    }

    /// SSE3, SSSE3, FMA, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, OSXSAVE, AVX, F16C.
    static let version3Leaf1 = UInt32(bits: 0, 9, 12, 13, 19, 20, 22, 23, 27, 28, 29)
    /// BMI1, AVX2, BMI2.
    static let version3Leaf7 = UInt32(bits: 3, 5, 8)
    /// LAHF, LZCNT.
    static let version3Extended = UInt32(bits: 0, 5)
    /// AVX-512 F, DQ, CD, BW, VL.
    static let version4Leaf7 = UInt32(bits: 16, 17, 28, 30, 31)
    /// The xmm and ymm registers.
    static let vectorState = UInt64(bits: 1, 2)
    /// The mask registers, the upper halves of zmm0–15, and zmm16–31.
    static let wideVectorState = UInt64(bits: 5, 6, 7)
}

extension FixedWidthInteger {
    fileprivate init(bits: Int...) {
        self = bits.reduce(0) { $0 | (1 << $1) }
    }

    fileprivate func contains(bits: Self) -> Bool {
        self & bits == bits
    }
}
