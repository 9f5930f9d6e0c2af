// The floating-point control word of the calling thread. The memory clobbers keep the compiler from moving
// arithmetic that loads or stores shared memory across a change of mode.
#ifndef CTOPOLOGY_FLOATING_POINT_H
#define CTOPOLOGY_FLOATING_POINT_H

#include <stdint.h>

#define CTOPOLOGY_INLINE static inline __attribute__((always_inline))

CTOPOLOGY_INLINE uint64_t ctopology_read_floating_point_control(void) {
#if defined(__x86_64__)
    uint32_t word;
    __asm__ volatile("stmxcsr %0" : "=m"(word) : : "memory");
    return word;
#elif defined(__aarch64__)
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word) : : "memory");
    return word;
#else
    return 0;
#endif
}

CTOPOLOGY_INLINE void ctopology_write_floating_point_control(uint64_t word) {
#if defined(__x86_64__)
    const uint32_t low = (uint32_t)word;
    __asm__ volatile("ldmxcsr %0" : : "m"(low) : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(word) : "memory");
#else
    (void)word;
#endif
}

/// The bits that make subnormal results (FTZ) and operands (DAZ) zero.
CTOPOLOGY_INLINE uint64_t ctopology_flush_to_zero_bits(void) {
#if defined(__x86_64__)
    return (UINT64_C(1) << 15) | (UINT64_C(1) << 6);
#elif defined(__aarch64__)
    return UINT64_C(1) << 24;
#else
    return 0;
#endif
}

#endif
