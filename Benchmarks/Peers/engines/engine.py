"""What the driver and a worker need to know about an engine."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy

    from harness.job import Job

WORKER = Path(__file__).resolve().parent.parent / "worker.py"


class Session(ABC):
    """A model loaded and ready, with its input."""

    #: What the engine chose by itself and the table should say.
    note: str = ""

    @abstractmethod
    def run(self) -> None:
        """Scores the whole batch; returns when the result is there."""

    def warm_up(self) -> None:
        """What an engine needs to run before its best, besides a first batch."""

    @abstractmethod
    def output(self) -> numpy.ndarray:
        """The last batch's result, (n, classes)."""


class Engine(ABC):
    """An engine, as a module of this folder describes it. Its package is imported by `load` alone, so that a missing
    one hinders nobody and no two engines share a process."""

    name: ClassVar[str]
    #: What pip installs, in versions that requirements.txt pins.
    packages: ClassVar[tuple[str, ...]]
    #: What `load` imports of them.
    modules: ClassVar[tuple[str, ...]] = ()
    #: What it can do, as rows.toml names it.
    modes: ClassVar[tuple[str, ...]] = ("running",)
    precisions: ClassVar[tuple[str, ...]] = ("float32",)

    def lacks(self, job: Job) -> str:
        """What it has not and the job needs; nothing where it can do the job."""
        if job.mode not in self.modes:
            return "no training-mode forward"
        return "" if job.precision in self.precisions else f"no {job.precision}"

    @abstractmethod
    def variants(self, job: Job) -> list[str]:
        """The settings worth trying; the best one counts."""

    @abstractmethod
    def load(self, job: Job, variant: str) -> Session:
        """Prepares the model; called in the worker."""

    def command(self, job: Job, variant: str) -> list[str]:
        """The worker's command."""
        return [sys.executable, str(WORKER), self.name, variant, job.text()]
