"""How busy the machine was with work that is not ours."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Neighbours:
    """CPUs that others kept busy, the hypervisor's other guests included where it says so, since this was made."""

    def __init__(self, processes: Callable[[], list[int]]) -> None:
        """- processes: those that count as ours, besides this one."""
        self._processes = processes
        self._begin = time.monotonic()
        self._others = self._seconds()

    @property
    def cpus(self) -> float:
        return max(0.0, (self._seconds() - self._others) / max(1e-9, time.monotonic() - self._begin))

    def _seconds(self) -> float:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = fields
        busy = user + nice + system + interrupts + soft_interrupts + stolen
        children = os.times()  # Of those that have ended.
        ours = sum(map(_ticks, [os.getpid(), *self._processes()]))
        return (busy - ours) / _TICKS - children.children_user - children.children_system


def _ticks(process: int) -> int:
    """What a process has used so far; nothing for one that has gone."""
    try:
        # The name, in parentheses, may hold anything.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
