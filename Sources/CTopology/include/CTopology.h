// What Swift cannot reach by itself: hwloc, CPUID, the affinity calls and event
// counters of Linux, and the floating-point mode.
#ifndef CTOPOLOGY_H
#define CTOPOLOGY_H

#include "ctopology_affinity.h"
#include "ctopology_counters.h"
#include "ctopology_cpuid.h"
#include "ctopology_floating_point.h"
#include "ctopology_machine.h"

#endif
