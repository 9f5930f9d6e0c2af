"""The cores that this process may use, and the memory that processes hold."""

from __future__ import annotations

import os
from pathlib import Path


def cores() -> list[int]:
    """One CPU of each physical core that the affinity mask allows, no more than the control group's quota."""
    seen: set[str] = set()
    firsts = []
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = siblings.read_text().strip() if siblings.exists() else str(cpu)
        if core not in seen:
            seen.add(core)
            firsts.append(cpu)
    quota = _quota()
    return firsts if quota is None else firsts[: max(1, int(quota))]


def describe() -> str:
    """The processor's name, or what stands for it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


def _quota() -> float | None:
    """CPUs that the innermost limit of the control groups allows."""
    path = next(
        (line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), "/"
    )
    quotas = []
    folder = Path("/sys/fs/cgroup") / path.strip().lstrip("/")
    for group in [folder, *folder.parents]:
        limit = group / "cpu.max"
        if limit.exists():
            allowed, period = limit.read_text().split()
            if allowed != "max":
                quotas.append(int(allowed) / int(period))
    return min(quotas, default=None)


def peak_bytes(process: int) -> int:
    """The most memory that a process has held so far."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def restart_peak() -> int | None:
    """Lets this process's `peak_bytes` begin anew at what it holds now, and returns that; None where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return None
