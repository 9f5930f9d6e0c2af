// Counters of what a thread does, from perf_event_open.
#ifndef CTOPOLOGY_COUNTERS_H
#define CTOPOLOGY_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CTOPOLOGY_CYCLES,
    CTOPOLOGY_INSTRUCTIONS,
    CTOPOLOGY_L2_MISSES,
    CTOPOLOGY_L3_MISSES,
    /// Nanoseconds for which the thread ran.
    CTOPOLOGY_TASK_CLOCK,
    CTOPOLOGY_PAGE_FAULTS,
} ctopology_event;

/// How many counters one group can have.
#define CTOPOLOGY_COUNTER_LIMIT 8

/// Counters that count the user code of one thread together. Zero-initialised it has none.
typedef struct {
    int32_t descriptors[CTOPOLOGY_COUNTER_LIMIT];
    int32_t count;
} ctopology_counters;

/// Adds a counter for the calling thread, which must be the thread of those before it. Returns 0, or the errno of the
/// refusal: ENOENT where the processor has no such counter or the machine none at all, EACCES and EPERM where the
/// system allows none, EINVAL where it does not fit beside those before it, EMFILE without a free descriptor.
int ctopology_add_counter(ctopology_counters *counters, ctopology_event event);

/// Lets all counters begin, at one moment; none is added after this. False where the system refuses.
bool ctopology_start_counters(const ctopology_counters *counters);

/// Reads all counters at one moment, in the order in which they were added. False where the system does not tell: the
/// hardware counters are taken by someone else.
bool ctopology_read_counters(const ctopology_counters *counters, uint64_t values[CTOPOLOGY_COUNTER_LIMIT]);

/// Gives all counters back.
void ctopology_close_counters(ctopology_counters *counters);

#endif
