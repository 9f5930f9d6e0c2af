// The registers that say which instruction sets the processor and the system support.
#ifndef CTOPOLOGY_CPUID_H
#define CTOPOLOGY_CPUID_H

#include <stdint.h>

/// Raw CPUID words and the register state that the system saves; all zero on other architectures.
typedef struct {
    uint32_t leaf1_ecx;
    uint32_t leaf7_ebx;
    /// Of leaf 7's first subleaf.
    uint32_t leaf7_1_eax;
    uint32_t extended1_ecx;
    /// XCR0, zero where the system does not use XSAVE.
    uint64_t saved_state;
} ctopology_cpuid;

/// As the C library read them when the process began, where it did.
ctopology_cpuid ctopology_read_cpuid(void);

/// The same, asked of the processor, or of who answers in its place.
ctopology_cpuid ctopology_ask_cpuid(void);

/// Bytes of a brand string with its end.
#define CTOPOLOGY_BRAND_SIZE 49

/// Writes the processor's brand string, empty where there is none.
void ctopology_read_brand(char brand[CTOPOLOGY_BRAND_SIZE]);

#endif
