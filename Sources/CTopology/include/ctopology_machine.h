// A machine as hwloc describes it, flattened: one row for each processing unit (PU, a hardware thread).
#ifndef CTOPOLOGY_MACHINE_H
#define CTOPOLOGY_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/// A cache that a PU uses. `bytes` is 0 when hwloc knows none.
typedef struct {
    int64_t bytes;
    int32_t sharing_pus;
} ctopology_cache;

/// Fields are -1 where hwloc does not know.
typedef struct {
    /// The number by which Linux calls this CPU.
    int32_t os_index;
    /// Logical indices, dense over the machine.
    int32_t core;
    int32_t package;
    /// The number by which Linux calls the NUMA node.
    int32_t numa_node;
    /// hwloc's efficiency rank of the kind of core: 0 is the slowest.
    int32_t efficiency;
    /// Linux' relative `cpu_capacity`.
    int32_t capacity;
    int32_t max_frequency_mhz;
    /// Whether hwloc calls the core an Atom, which has half the vector units of its big neighbours.
    bool is_atom;
    /// Whether the control groups let the process use it.
    bool is_allowed;
    ctopology_cache l1d, l2, l3;
} ctopology_pu;

typedef struct {
    /// In hwloc's logical order: neighbours share caches.
    ctopology_pu *pus;
    int32_t pu_count;
    char cpu_model[128];
    /// Vendor, family, model and stepping, as far as hwloc knows them.
    char cpu_identity[128];
} ctopology_machine;

typedef enum {
    CTOPOLOGY_LOADED,
    /// The description cannot be read or makes no sense.
    CTOPOLOGY_MALFORMED,
    /// hwloc or the system refused memory or failed otherwise.
    CTOPOLOGY_FAILED,
} ctopology_status;

/// Each loader fills `machine` only when it answers CTOPOLOGY_LOADED; the caller then calls ctopology_free.
/// PUs that a ctopology_mask cannot name are left out.
ctopology_status ctopology_load_this(ctopology_machine *machine);
ctopology_status ctopology_load_xml(const char *path, ctopology_machine *machine);
ctopology_status ctopology_load_synthetic(const char *description, ctopology_machine *machine);
void ctopology_free(ctopology_machine *machine);

#endif
