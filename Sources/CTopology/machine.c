#include "ctopology_machine.h"
#include "ctopology_affinity.h"

#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// One kind of core, where hwloc tells kinds apart.
typedef struct {
    hwloc_bitmap_t cpus;
    int efficiency, capacity, max_frequency_mhz;
    bool is_atom;
} cpu_kind;

typedef struct {
    cpu_kind *kinds;
    int count;
} cpu_kinds;

static void free_kinds(cpu_kinds *list) {
    for (int i = 0; i < list->count; i++) hwloc_bitmap_free(list->kinds[i].cpus);
    free(list->kinds);
}

/// Machines without kinds, and failures, give an empty list: every core then counts the same.
static cpu_kinds read_kinds(hwloc_topology_t topology) {
    cpu_kinds list = {NULL, 0};
    int count = hwloc_cpukinds_get_nr(topology, 0);
    if (count <= 0 || !(list.kinds = calloc((size_t)count, sizeof(cpu_kind)))) return list;
    for (int i = 0; i < count; i++) {
        cpu_kind kind = {hwloc_bitmap_alloc(), -1, -1, -1, false};
        unsigned info_count = 0;
        struct hwloc_info_s *infos = NULL;
        if (!kind.cpus) break;
        if (hwloc_cpukinds_get_info(topology, (unsigned)i, kind.cpus, &kind.efficiency, &info_count, &infos, 0)) {
            hwloc_bitmap_free(kind.cpus);
            break;
        }
        for (unsigned k = 0; k < info_count; k++) {
            const char *name = infos[k].name, *value = infos[k].value;
            if (!strcmp(name, "LinuxCapacity")) kind.capacity = atoi(value);
            if (!strcmp(name, "FrequencyMaxMHz")) kind.max_frequency_mhz = atoi(value);
            if (!strcmp(name, "CoreType")) kind.is_atom = !strcmp(value, "IntelAtom");
        }
        list.kinds[list.count++] = kind;
    }
    return list;
}

static ctopology_cache read_cache(hwloc_obj_t object) {
    ctopology_cache cache = {(int64_t)object->attr->cache.size, hwloc_bitmap_weight(object->cpuset)};
    return cache;
}

/// The first node that contains the PU: memory-only nodes contain none, and main memory comes before
/// high-bandwidth memory that is attached to the same cores.
static int32_t numa_node_of(hwloc_topology_t topology, hwloc_obj_t pu) {
    hwloc_obj_t node = NULL;
    while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)))
        if (hwloc_bitmap_isset(node->cpuset, pu->os_index)) return (int32_t)node->os_index;
    return -1;
}

static ctopology_pu read_pu(hwloc_topology_t topology, const cpu_kinds *kinds, hwloc_obj_t object) {
    ctopology_pu pu = {
        .os_index = (int32_t)object->os_index, .core = -1, .package = -1,
        .numa_node = numa_node_of(topology, object), .efficiency = -1, .capacity = -1, .max_frequency_mhz = -1,
        .is_allowed = hwloc_bitmap_isset(hwloc_topology_get_allowed_cpuset(topology), object->os_index),
    };
    for (hwloc_obj_t parent = object->parent; parent; parent = parent->parent) {
        switch (parent->type) {
        case HWLOC_OBJ_CORE: pu.core = (int32_t)parent->logical_index; break;
        case HWLOC_OBJ_PACKAGE: pu.package = (int32_t)parent->logical_index; break;
        case HWLOC_OBJ_L1CACHE: pu.l1d = read_cache(parent); break;
        case HWLOC_OBJ_L2CACHE: pu.l2 = read_cache(parent); break;
        case HWLOC_OBJ_L3CACHE: pu.l3 = read_cache(parent); break;
        default: break;
        }
    }
    for (int i = 0; i < kinds->count; i++) {
        const cpu_kind *kind = &kinds->kinds[i];
        if (!hwloc_bitmap_isset(kind->cpus, object->os_index)) continue;
        pu.efficiency = kind->efficiency;
        pu.capacity = kind->capacity;
        pu.max_frequency_mhz = kind->max_frequency_mhz;
        pu.is_atom = kind->is_atom;
    }
    return pu;
}

/// What tells a processor from others besides its name, words apart.
static void read_identity(hwloc_obj_t package, char *identity, size_t size) {
    static const char *const names[] = {
        "CPUVendor", "CPUFamilyNumber", "CPUModelNumber", "CPUStepping",
        "CPUImplementer", "CPUArchitecture", "CPUVariant", "CPUPart", "CPURevision",
    };
    identity[0] = 0;
    for (size_t i = 0; package && i < sizeof names / sizeof *names; i++) {
        const char *value = hwloc_obj_get_info_by_name(package, names[i]);
        size_t used = strlen(identity);
        if (value) snprintf(identity + used, size - used, "%s%s", used ? " " : "", value);
    }
}

static ctopology_status flatten(hwloc_topology_t topology, ctopology_machine *machine) {
    int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    if (count <= 0) return CTOPOLOGY_MALFORMED;
    memset(machine, 0, sizeof *machine);
    machine->pus = calloc((size_t)count, sizeof(ctopology_pu));
    if (!machine->pus) return CTOPOLOGY_FAILED;

    cpu_kinds kinds = read_kinds(topology);
    hwloc_obj_t pu = NULL;
    while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)))
        if (pu->os_index < CTOPOLOGY_CPU_LIMIT)
            machine->pus[machine->pu_count++] = read_pu(topology, &kinds, pu);
    free_kinds(&kinds);

    hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
    const char *model = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    snprintf(machine->cpu_model, sizeof machine->cpu_model, "%s", model ? model : "");
    read_identity(package, machine->cpu_identity, sizeof machine->cpu_identity);
    return CTOPOLOGY_LOADED;
}

typedef int (*source_setter)(hwloc_topology_t, const char *);

static ctopology_status load(source_setter set_source, const char *source, ctopology_machine *machine) {
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology)) return CTOPOLOGY_FAILED;
    // The whole machine is described and the allowed part marked in it. No discovery step may move the calling
    // thread over the CPUs, which fails in a cpuset and disturbs other threads.
    unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING
        | HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS;
    ctopology_status status = CTOPOLOGY_FAILED;
    if (hwloc_topology_set_flags(topology, flags) == 0) {
        status = CTOPOLOGY_MALFORMED;
        if ((!set_source || set_source(topology, source) == 0) && hwloc_topology_load(topology) == 0)
            status = flatten(topology, machine);
    }
    hwloc_topology_destroy(topology);
    return status;
}

ctopology_status ctopology_load_this(ctopology_machine *machine) {
    return load(NULL, NULL, machine);
}

ctopology_status ctopology_load_xml(const char *path, ctopology_machine *machine) {
    return load(hwloc_topology_set_xml, path, machine);
}

ctopology_status ctopology_load_synthetic(const char *description, ctopology_machine *machine) {
    return load(hwloc_topology_set_synthetic, description, machine);
}

void ctopology_free(ctopology_machine *machine) {
    free(machine->pus);
    machine->pus = NULL;
    machine->pu_count = 0;
}
