/// Instructions that Swift has no spelling for, each always inlined into the code of the module that imports it.
#pragma once

#define CSIMD_INLINE static inline __attribute__((always_inline))

/// Asks for the cache line at `address`, which need not be readable, to be brought into the first-level cache.
CSIMD_INLINE void csimd_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0, 3); }

/// The same for the second-level cache.
CSIMD_INLINE void csimd_prefetch_l2(const void *_Nonnull address) { __builtin_prefetch(address, 0, 2); }

/// The pointer itself, of which the compiler then knows nothing: it stays in a register of its own, and is not made
/// anew from what it was made of.
CSIMD_INLINE const float *_Nonnull csimd_opaque(const float *_Nonnull pointer) {
    __asm__("" : "+r"(pointer));
    return pointer;
}

typedef double csimd_double4 __attribute__((ext_vector_type(4)));
typedef float csimd_float4 __attribute__((ext_vector_type(4)));

/// Each number rounded to nearest.
CSIMD_INLINE csimd_float4 csimd_floats(csimd_double4 values) {
    return __builtin_convertvector(values, csimd_float4);
}
