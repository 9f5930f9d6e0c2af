#include "ctopology_cpuid.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

ctopology_cpuid ctopology_read_cpuid(void) {
    ctopology_cpuid words = {0};
    unsigned a, b, c, d;
    // Each question is answered by the hypervisor where there is one.
    const unsigned last = __get_cpuid_max(0, NULL);
    if (last >= 1) {
        __cpuid(1, a, b, c, d);
        words.leaf1_ecx = c;
    }
    if (last >= 7) {
        __cpuid_count(7, 0, a, b, c, d);
        words.leaf7_ebx = b;
        __cpuid_count(7, 1, a, b, c, d);
        words.leaf7_1_eax = a;
    }
    if (__get_cpuid_max(0x80000000, NULL) >= 0x80000001) {
        __cpuid(0x80000001, a, b, c, d);
        words.extended1_ecx = c;
    }
    const unsigned osxsave = 1u << 27;
    if (words.leaf1_ecx & osxsave) {
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        words.saved_state = ((uint64_t)d << 32) | a;
    }
    return words;
}

void ctopology_read_brand(char brand[CTOPOLOGY_BRAND_SIZE]) {
    memset(brand, 0, CTOPOLOGY_BRAND_SIZE);
    for (unsigned leaf = 0; leaf < 3; leaf++) {
        unsigned words[4];
        if (!__get_cpuid(0x80000002 + leaf, &words[0], &words[1], &words[2], &words[3])) return;
        memcpy(brand + 16 * leaf, words, sizeof words);
    }
}

#else

ctopology_cpuid ctopology_read_cpuid(void) {
    return (ctopology_cpuid){0};
}

void ctopology_read_brand(char brand[CTOPOLOGY_BRAND_SIZE]) {
    memset(brand, 0, CTOPOLOGY_BRAND_SIZE);
}

#endif
