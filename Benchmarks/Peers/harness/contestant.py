"""An engine in one of its variants, ready for a row: one process, or one a core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import numpy

from engines.engine import Engine
from harness.job import Job
from harness.machine import peak_bytes
from harness.process import WorkerError, WorkerProcess

#: Seconds for loading, converting and packing a model; and for whatever else a worker is asked.
PREPARATION_LIMIT = 900.0
ANSWER_LIMIT = 300.0

#: Milliseconds of the batches of one slice, by process, or what else a row measures.
Slice = list[list[float]]


class Contestant:
    def __init__(self, engine: Engine, variant: str, job: Job, cpus: list[int | None], log: Path) -> None:
        """
        - cpus: one entry a process: where it is pinned to.
        - Raises WorkerError when a worker cannot be prepared.
        """
        self.engine = engine
        self.variant = variant
        self._processes: list[WorkerProcess] = []
        try:
            for cpu in cpus:
                begin = time.perf_counter()
                self._processes.append(WorkerProcess(engine.command(job, variant), job.threads, cpu, log))
                answer = self._processes[-1].receive(PREPARATION_LIMIT)
                #: Milliseconds until it had scored its first batch, and those of them from the model's files to ready.
                self.start = (time.perf_counter() - begin) * 1e3
                self.preparation: float = answer["preparation"]
                self._resident: int | None = answer["resident"]
                self._processes[-1].stop()
            self.note: str = answer["ready"]
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def peak_bytes(self) -> int:
        """The most memory that its processes have held since their imports, interpreter and libraries included."""
        return sum(peak_bytes(pid) for pid in self.pids)

    def memory(self) -> float:
        """Megabytes, 10⁶ bytes, that its one process held at most, three batches scored, less what it held before its
        model was read."""
        self.time(0)
        if self._resident is None:
            raise WorkerError("the system does not let a peak begin anew: no /proc/self/clear_refs")
        return (self.peak_bytes - self._resident) / 1e6

    def output(self) -> numpy.ndarray:
        """The last batch's result, of the first process."""
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            self._ask(self._processes[:1], f"output {file.name}")
            return numpy.load(file.name)

    def time(self, seconds: float) -> Slice:
        """One slice, of all processes at the same time."""
        return self._ask(self._processes, f"run {seconds}")

    def close(self) -> None:
        for process in self._processes:
            process.close()

    def _ask(self, processes: list[WorkerProcess], line: str) -> list:
        for process in processes:
            process.send(line)
        answers = [process.receive(ANSWER_LIMIT) for process in processes]
        for process in processes:
            process.stop()
        return answers


#: What is measured of a contestant that has just begun.
_BEGINNINGS: dict[str, Callable[[Contestant], float]] = {
    "preparation": lambda contestant: contestant.preparation,
    "start": lambda contestant: contestant.start,
    "memory": Contestant.memory,
}


class Starter:
    """A contestant that begins anew for each slice: what it takes to start, in time or memory, is the figure."""

    def __init__(
        self, engine: Engine, variant: str, job: Job, cpus: list[int | None], log: Path, measure: str
    ) -> None:
        """
        - measure: `preparation`, `start` or `memory`.
        - Otherwise as Contestant.
        """
        self.engine = engine
        self.variant = variant
        self._measure = _BEGINNINGS[measure]
        self._begin = lambda: Contestant(engine, variant, job, cpus, log)
        self._current = self._begin()
        self.note = self._current.note

    @property
    def pids(self) -> list[int]:
        return self._current.pids

    @property
    def peak_bytes(self) -> int:
        return self._current.peak_bytes

    def output(self) -> numpy.ndarray:
        return self._current.output()

    def time(self, seconds: float) -> Slice:
        self._current.close()
        self._current = self._begin()
        return [[self._measure(self._current)]]

    def close(self) -> None:
        self._current.close()


def figure(slice: Slice) -> float:
    """Milliseconds in which the machine does a batch: processes that run side by side share them. Megabytes where these
    are measured, of one process."""
    return mean(median(times) for times in slice) / len(slice)
