#ifndef COPENMP_H
#define COPENMP_H

#include <stddef.h>

/// Calls `body(context, 0)` … `body(context, count - 1)`, each once, on an OpenMP team of up to `count` threads,
/// the caller among them, and returns when all are done. The team does not spin after it.
void copenmp_parallel(size_t count, void (*body)(void *context, size_t index), void *context);

#endif
