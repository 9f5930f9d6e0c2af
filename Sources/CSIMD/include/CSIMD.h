/// Instructions that Swift has no spelling for, each always inlined into the code of the module that imports it.
#pragma once

#define CSIMD_INLINE static inline __attribute__((always_inline))

/// Asks for the cache line at `address`, which need not be readable, to be brought into the first-level cache.
CSIMD_INLINE void csimd_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0, 3); }

/// The same for the second-level cache.
CSIMD_INLINE void csimd_prefetch_l2(const void *_Nonnull address) { __builtin_prefetch(address, 0, 2); }

/// The same for a cache beyond it.
CSIMD_INLINE void csimd_prefetch_l3(const void *_Nonnull address) { __builtin_prefetch(address, 0, 1); }

/// The pointer itself, of which the compiler then knows nothing: it stays in a register of its own, and is not made
/// anew from what it was made of.
CSIMD_INLINE const float *_Nonnull csimd_opaque(const float *_Nonnull pointer) {
    __asm__("" : "+r"(pointer));
    return pointer;
}

typedef double csimd_double4 __attribute__((ext_vector_type(4)));
typedef float csimd_float4 __attribute__((ext_vector_type(4)));
typedef float csimd_float8 __attribute__((ext_vector_type(8)));
typedef float csimd_float16 __attribute__((ext_vector_type(16)));

/// Each number rounded to nearest.
CSIMD_INLINE csimd_float4 csimd_floats(csimd_double4 values) {
    return __builtin_convertvector(values, csimd_float4);
}

/// bfloat16 numbers: the upper halves of float32 ones. For each number of lanes:
///
/// - `csimd_widen`: as float32, without rounding.
/// - `csimd_narrow`: rounded to nearest, ties to even; a NaN stays one.
/// - `csimd_lower`, `csimd_upper`: the lower and the upper one of the pair in each lane, as float32.
#define CSIMD_BFLOAT16(lanes)                                                                                          \
    typedef unsigned short csimd_ushort##lanes __attribute__((ext_vector_type(lanes)));                                \
    typedef unsigned int csimd_uint##lanes __attribute__((ext_vector_type(lanes)));                                    \
    CSIMD_INLINE csimd_float##lanes csimd_widen##lanes(csimd_ushort##lanes halves) {                                   \
        return (csimd_float##lanes)(__builtin_convertvector(halves, csimd_uint##lanes) << 16);                         \
    }                                                                                                                  \
    CSIMD_INLINE csimd_ushort##lanes csimd_narrow##lanes(csimd_float##lanes values) {                                  \
        csimd_uint##lanes bits = (csimd_uint##lanes)values;                                                            \
        csimd_uint##lanes rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;                                        \
        csimd_uint##lanes isNumber = (csimd_uint##lanes)(values == values);                                            \
        rounded = (rounded & isNumber) | (((bits >> 16) | 0x40) & ~isNumber);                                          \
        return __builtin_convertvector(rounded, csimd_ushort##lanes);                                                  \
    }                                                                                                                  \
    CSIMD_INLINE csimd_float##lanes csimd_lower##lanes(csimd_float##lanes pairs) {                                     \
        return (csimd_float##lanes)((csimd_uint##lanes)pairs << 16);                                                   \
    }                                                                                                                  \
    CSIMD_INLINE csimd_float##lanes csimd_upper##lanes(csimd_float##lanes pairs) {                                     \
        return (csimd_float##lanes)((csimd_uint##lanes)pairs & 0xffff0000);                                            \
    }

CSIMD_BFLOAT16(4)
CSIMD_BFLOAT16(8)
CSIMD_BFLOAT16(16)

#ifdef __AVX512BF16__
typedef __bf16 csimd_bf16x16 __attribute__((__vector_size__(32)));
typedef __bf16 csimd_bf16x32 __attribute__((__vector_size__(64)));

/// `sum + a · b` of the pairs of bfloat16 numbers in each lane.
CSIMD_INLINE csimd_float16 csimd_multiply_add_pairs(csimd_float16 sum, csimd_float16 a, csimd_float16 b) {
    return __builtin_ia32_dpbf16ps_512(sum, (csimd_bf16x32)a, (csimd_bf16x32)b);
}

/// As `csimd_narrow`, by the processor's own instruction, which takes denormal numbers for zeros.
CSIMD_INLINE csimd_ushort16 csimd_narrow_fast(csimd_float16 values) {
    return (csimd_ushort16)__builtin_ia32_cvtneps2bf16_512_mask(values, (csimd_bf16x16)(csimd_ushort16)0, -1);
}
#endif
