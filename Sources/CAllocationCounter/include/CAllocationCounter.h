#ifndef CALLOCATION_COUNTER_H
#define CALLOCATION_COUNTER_H

#include <stdint.h>

/// Heap allocations (malloc, calloc, realloc and the aligned kinds) since the program began, counted only in
/// programs that link this target on glibc; else 0 for ever.

/// Of the calling thread.
uint64_t callocation_counter_thread(void);
/// Of all threads.
uint64_t callocation_counter_process(void);
/// Whether this program counts at all.
int callocation_counter_is_active(void);

#endif
