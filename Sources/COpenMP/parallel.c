#include "COpenMP.h"

// libomp's own interface: how long a thread spins after a region, in milliseconds.
void kmp_set_blocktime(int milliseconds);

void copenmp_parallel(size_t count, size_t threads, void (*body)(void *context, size_t index), void *context) {
    kmp_set_blocktime(0);
    // By value: threads then read their own copies, not the stack of the thread that forks.
#pragma omp parallel for num_threads((int)threads) schedule(static, 1) firstprivate(count, body, context)
    for (size_t index = 0; index < count; ++index) {
        body(context, index);
    }
}
