#include "ctopology_cpuid.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

#if defined(__has_include)
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define READS_LIBRARY_CPUID 1
#endif
#endif

/// What the C library asked at the start of the process, since a virtual machine takes some ten microseconds an answer; zeros
/// where it did not, as of a vendor that it does not know.
static ctopology_cpuid known_words(void) {
    ctopology_cpuid words = {0};
#if defined(READS_LIBRARY_CPUID)
    words.leaf1_ecx = __x86_get_cpuid_feature_leaf(CPUID_INDEX_1)->cpuid_array[2];
    words.leaf7_ebx = __x86_get_cpuid_feature_leaf(CPUID_INDEX_7)->cpuid_array[1];
    words.leaf7_1_eax = __x86_get_cpuid_feature_leaf(CPUID_INDEX_7_ECX_1)->cpuid_array[0];
    words.extended1_ecx = __x86_get_cpuid_feature_leaf(CPUID_INDEX_80000001)->cpuid_array[2];
#endif
    return words;
}

static ctopology_cpuid asked_words(void) {
    ctopology_cpuid words = {0};
    unsigned a, b, c, d;
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
    return words;
}

static ctopology_cpuid with_saved_state(ctopology_cpuid words) {
    const unsigned osxsave = 1u << 27;
    if (words.leaf1_ecx & osxsave) {
        unsigned a, d;
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        words.saved_state = ((uint64_t)d << 32) | a;
    }
    return words;
}

ctopology_cpuid ctopology_ask_cpuid(void) { return with_saved_state(asked_words()); }

ctopology_cpuid ctopology_read_cpuid(void) {
    const ctopology_cpuid words = known_words();
    return words.leaf1_ecx && words.extended1_ecx ? with_saved_state(words) : ctopology_ask_cpuid();
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

ctopology_cpuid ctopology_ask_cpuid(void) { return (ctopology_cpuid){0}; }

ctopology_cpuid ctopology_read_cpuid(void) { return ctopology_ask_cpuid(); }

void ctopology_read_brand(char brand[CTOPOLOGY_BRAND_SIZE]) {
    memset(brand, 0, CTOPOLOGY_BRAND_SIZE);
}

#endif
