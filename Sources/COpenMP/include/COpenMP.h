#ifndef COPENMP_H
#define COPENMP_H

#include <stddef.h>

/// Calls `body(context, 0)` … `body(context, count - 1)`, each once, on an OpenMP team of up to `threads` threads,
/// the caller among them, and returns when all are done. The team does not spin after it. libomp ends the process
/// when the system refuses it a thread: ask for no more than there are CPUs.
void copenmp_parallel(size_t count, size_t threads, void (*body)(void *context, size_t index), void *context);

#endif
