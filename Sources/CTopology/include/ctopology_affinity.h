// The CPUs that a thread may run on, without heap allocation.
#ifndef CTOPOLOGY_AFFINITY_H
#define CTOPOLOGY_AFFINITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How many CPUs a mask can name: 0 ... CTOPOLOGY_CPU_LIMIT - 1.
#define CTOPOLOGY_CPU_LIMIT 4096

/// Bit `cpu % 64` of word `cpu / 64` stands for a CPU, on every byte order.
typedef struct {
    uint64_t words[CTOPOLOGY_CPU_LIMIT / 64];
} ctopology_mask;

/// Reads the mask of the calling thread. False when the system refuses, or has more CPUs than a mask holds.
bool ctopology_get_affinity(ctopology_mask *mask);

/// Sets the mask of the calling thread. False when the system refuses.
bool ctopology_set_affinity(const ctopology_mask *mask);

/// Restricts the calling thread to one CPU. False when the CPU is out of range or the system refuses.
bool ctopology_bind_to_cpu(int32_t cpu);

/// Whether the mask names this CPU and no other.
bool ctopology_mask_is_only(const ctopology_mask *mask, int32_t cpu);

/// The CPU that the calling thread runs on now, -1 when unknown.
int32_t ctopology_current_cpu(void);

/// The kernel's identifier of the calling thread.
int64_t ctopology_thread_identifier(void);

/// Starts a thread that may run where the calling thread may, but not on the CPU that this one runs on now, if there is
/// another: systems that keep idle CPUs asleep would let it wait for the caller's. False when the system refuses; else it
/// must be joined, or left, once.
bool ctopology_start_beside(void *(*run)(void *), void *argument, unsigned long *thread);

/// Waits until a thread has ended.
void ctopology_join(unsigned long thread);

/// Lets a thread end when it will, in the place of joining it.
void ctopology_leave(unsigned long thread);

/// Bytes of the caches of the core that the process began on, as the C library knows them without asking the system; 0 where
/// it does not.
typedef struct {
    /// The first level's, of data.
    int64_t l1d;
    /// The second level's.
    int64_t l2;
} ctopology_core_caches;

/// What the C library knows.
ctopology_core_caches ctopology_known_core_caches(void);

/// Deals the pages of memory that nobody has touched yet to NUMA nodes in turn. False when the system refuses, or has no such
/// nodes.
///
/// - start: at a page's start.
/// - nodes: their numbers, below CTOPOLOGY_CPU_LIMIT.
bool ctopology_interleave(void *start, size_t bytes, const int32_t *nodes, size_t count);

/// How many CPUs are online, at least 1.
int32_t ctopology_online_cpu_count(void);

#endif
