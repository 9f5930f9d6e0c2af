#define _GNU_SOURCE
#include "ctopology_affinity.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The kernel's masks are arrays of unsigned long; on every 64-bit target that is the layout of ctopology_mask.
_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "masks are arrays of 64-bit words");

bool ctopology_get_affinity(ctopology_mask *mask) {
    memset(mask, 0, sizeof *mask);
    return sched_getaffinity(0, sizeof *mask, (cpu_set_t *)mask) == 0;
}

bool ctopology_set_affinity(const ctopology_mask *mask) {
    return sched_setaffinity(0, sizeof *mask, (const cpu_set_t *)mask) == 0;
}

bool ctopology_bind_to_cpu(int32_t cpu) {
    if (cpu < 0 || cpu >= CTOPOLOGY_CPU_LIMIT) return false;
    ctopology_mask mask;
    memset(&mask, 0, sizeof mask);
    mask.words[cpu / 64] = UINT64_C(1) << (cpu % 64);
    return ctopology_set_affinity(&mask);
}

int32_t ctopology_current_cpu(void) {
    return sched_getcpu();
}

int64_t ctopology_thread_identifier(void) {
    return syscall(SYS_gettid);
}

int32_t ctopology_online_cpu_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > CTOPOLOGY_CPU_LIMIT ? CTOPOLOGY_CPU_LIMIT : (int32_t)count;
}

bool ctopology_mask_is_only(const ctopology_mask *mask, int32_t cpu) {
    if (cpu < 0 || cpu >= CTOPOLOGY_CPU_LIMIT) return false;
    for (int32_t word = 0; word < CTOPOLOGY_CPU_LIMIT / 64; ++word) {
        uint64_t expected = word == cpu / 64 ? UINT64_C(1) << (cpu % 64) : 0;
        if (mask->words[word] != expected) return false;
    }
    return true;
}

_Static_assert(sizeof(pthread_t) == sizeof(unsigned long), "threads are numbers");

bool ctopology_start_beside(void *(*run)(void *), void *argument, unsigned long *thread) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return false;
#if defined(__GLIBC__)
    // Other libraries cannot say where a thread begins.
    ctopology_mask mask;
    const int32_t cpu = sched_getcpu();
    if (ctopology_get_affinity(&mask) && cpu >= 0 && cpu < CTOPOLOGY_CPU_LIMIT && !ctopology_mask_is_only(&mask, cpu)) {
        mask.words[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
        pthread_attr_setaffinity_np(&attributes, sizeof mask, (cpu_set_t *)&mask);
    }
#endif
    const int status = pthread_create((pthread_t *)thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    return status == 0;
}

void ctopology_join(unsigned long thread) {
    pthread_join((pthread_t)thread, NULL);
}

void ctopology_leave(unsigned long thread) {
    pthread_detach((pthread_t)thread);
}

ctopology_core_caches ctopology_known_core_caches(void) {
    ctopology_core_caches caches = {0, 0};
#if defined(_SC_LEVEL1_DCACHE_SIZE) && defined(_SC_LEVEL2_CACHE_SIZE)
    const long l1d = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (l1d > 0) caches.l1d = l1d;
    if (l2 > 0) caches.l2 = l2;
#endif
    return caches;
}

bool ctopology_interleave(void *start, size_t bytes, const int32_t *nodes, size_t count) {
#if defined(SYS_mbind)
    const int interleave = 3; // MPOL_INTERLEAVE of linux/mempolicy.h
    ctopology_mask mask;
    memset(&mask, 0, sizeof mask);
    for (size_t i = 0; i < count; i++) {
        if (nodes[i] < 0 || nodes[i] >= CTOPOLOGY_CPU_LIMIT) return false;
        mask.words[nodes[i] / 64] |= UINT64_C(1) << (nodes[i] % 64);
    }
    // The kernel takes bits for a number that is one less than what it is told.
    return syscall(SYS_mbind, start, bytes, interleave, mask.words, (unsigned long)CTOPOLOGY_CPU_LIMIT + 1, 0) == 0;
#else
    return false;
#endif
}
