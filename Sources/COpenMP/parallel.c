#include "COpenMP.h"

// libomp's own interface: how long a thread spins after a region, in milliseconds.
void kmp_set_blocktime(int milliseconds);

void copenmp_parallel(size_t count, void (*body)(void *context, size_t index), void *context) {
    kmp_set_blocktime(0);
#pragma omp parallel for num_threads((int)count) schedule(static, 1)
    for (size_t index = 0; index < count; ++index) {
        body(context, index);
    }
}
