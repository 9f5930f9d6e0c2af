#define _GNU_SOURCE
#include "ctopology_counters.h"

#include <errno.h>

#if defined(__linux__)
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/// What the kernel calls an event: a type, and a number of that type.
typedef struct {
    bool exists;
    uint32_t type;
    uint64_t config;
} code;

/// Misses of the second and third cache level have no common names: these are the processors' own numbers, unit mask
/// before event, as in tools/perf/pmu-events of the kernel's sources.
static code miss_code(ctopology_event event) {
    const bool is_l2 = event == CTOPOLOGY_L2_MISSES;
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) return (code){false, 0, 0};
    const bool is_intel = b == signature_INTEL_ebx, is_amd = b == signature_AMD_ebx;
    if (is_intel) {
        // L2_RQSTS.MISS; the last level's misses have the common name.
        return is_l2 ? (code){true, PERF_TYPE_RAW, 0x3f24} : (code){true, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES};
    }
    __get_cpuid(1, &a, &b, &c, &d);
    const unsigned family = ((a >> 8) & 15) + ((a >> 20) & 255);
    // l2_cache_req_stat.ic_dc_miss_in_l2 of Zen and later; ls_any_fills_from_sys from outside of the core complex, of
    // Zen 3 and later: fills of the first level by loads, stores and prefetches.
    if (is_amd && is_l2 && family >= 0x17) return (code){true, PERF_TYPE_RAW, 0x0964};
    if (is_amd && !is_l2 && family >= 0x19) return (code){true, PERF_TYPE_RAW, 0x5c44};
    return (code){false, 0, 0};
#elif defined(__aarch64__)
    // L2D_CACHE_REFILL, L3D_CACHE_REFILL.
    return (code){true, PERF_TYPE_RAW, is_l2 ? 0x17 : 0x2a};
#else
    return (code){false, 0, 0};
#endif
}

static code code_of(ctopology_event event) {
    switch (event) {
    case CTOPOLOGY_CYCLES: return (code){true, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES};
    case CTOPOLOGY_INSTRUCTIONS: return (code){true, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS};
    case CTOPOLOGY_L2_MISSES:
    case CTOPOLOGY_L3_MISSES: return miss_code(event);
    case CTOPOLOGY_TASK_CLOCK: return (code){true, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK};
    case CTOPOLOGY_PAGE_FAULTS: return (code){true, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS};
    }
    return (code){false, 0, 0};
}

int ctopology_add_counter(ctopology_counters *counters, ctopology_event event) {
    const code code = code_of(event);
    if (!code.exists) return ENOENT;
    if (counters->count >= CTOPOLOGY_COUNTER_LIMIT) return EINVAL;
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = code.type;
    attributes.config = code.config;
    attributes.read_format = PERF_FORMAT_GROUP;
    // Counting user code alone is allowed to more users.
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    const bool leads = counters->count == 0;
    // Counts all the time or not at all: never a part of it, to be scaled up.
    attributes.pinned = leads;
    // An event that joins a group which counts already would begin at the thread's next turn on the CPU.
    attributes.disabled = leads;
    const long descriptor = syscall(
        SYS_perf_event_open, &attributes, 0, -1, leads ? -1 : counters->descriptors[0], PERF_FLAG_FD_CLOEXEC);
    if (descriptor < 0) return errno;
    counters->descriptors[counters->count++] = (int32_t)descriptor;
    return 0;
}

bool ctopology_start_counters(const ctopology_counters *counters) {
    return counters->count == 0
        || ioctl(counters->descriptors[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP) == 0;
}

bool ctopology_read_counters(const ctopology_counters *counters, uint64_t values[CTOPOLOGY_COUNTER_LIMIT]) {
    uint64_t group[1 + CTOPOLOGY_COUNTER_LIMIT];
    if (counters->count == 0) return true;
    const size_t size = sizeof(uint64_t) * (1 + (size_t)counters->count);
    if (read(counters->descriptors[0], group, size) != (ssize_t)size) return false;
    memcpy(values, group + 1, size - sizeof(uint64_t));
    return true;
}

void ctopology_close_counters(ctopology_counters *counters) {
    // The leader last: a group without it falls apart into single events.
    while (counters->count > 0) close(counters->descriptors[--counters->count]);
}

#else

int ctopology_add_counter(ctopology_counters *counters, ctopology_event event) {
    (void)counters, (void)event;
    return ENOSYS;
}

bool ctopology_start_counters(const ctopology_counters *counters) {
    (void)counters;
    return true;
}

bool ctopology_read_counters(const ctopology_counters *counters, uint64_t values[CTOPOLOGY_COUNTER_LIMIT]) {
    (void)counters, (void)values;
    return true;
}

void ctopology_close_counters(ctopology_counters *counters) { (void)counters; }

#endif
