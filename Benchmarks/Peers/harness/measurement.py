"""A row: every engine checked and set up in its best variant, then all timed in turn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy

from engines import OURS
from engines.engine import Engine
from harness.contestant import Contestant, Slice, Starter, figure
from harness.job import Job
from harness.neighbours import Neighbours
from harness.process import WorkerError
from harness.rows import Row

#: Largest difference from the float64 output, as a share of the largest output, by precision. Winograd with large tiles
#: errs by 1.5e-4 on the notebook network in float32; weights in half precision, by 2e-3.
TOLERANCES = {"float32": 5e-4, "bf16": 2e-2}
#: Slices that two variants of an engine are given each, in turn, to tell which is better.
CALIBRATION_SLICES = 3


@dataclass(frozen=True)
class Plan:
    """How long and where to measure."""

    rounds: int
    seconds: float
    cores: list[int]
    folder: Path
    progress: Callable[[str], None]
    #: The best variant of an engine for a job, once a row has found it: the same processes, alone or one a core, need
    #: no second calibration.
    known: dict[tuple[str, str, Job], str] = field(default_factory=dict)


@dataclass
class Entry:
    """What is known of an engine in a row; `failures` by variant, or under '' for the engine."""

    engine: str
    #: Why it was not run: what it has not and the row needs.
    lacks: str
    variant: str = ""
    note: str = ""
    error: float = float("nan")
    #: Of all its processes, after the rounds.
    peak_bytes: int = 0
    slices: list[Slice] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> list[float]:
        """Milliseconds a batch, or what the row measures, by round."""
        return [figure(slice) for slice in self.slices]

    @property
    def is_measured(self) -> bool:
        return bool(self.slices)


@dataclass(frozen=True)
class Measurement:
    """A row's entries, in the order of the engines, and how many CPUs others kept busy during its rounds."""

    entries: list[Entry]
    neighbours: float


def measure(row: Row, engines: list[Engine], plan: Plan) -> Measurement:
    """One entry an engine."""
    threads = len(plan.cores) if row.cores == "all" else 1
    job = Job(row.model, row.mode, row.batch, threads, row.exact, row.precision, str(plan.folder / "exports"))
    entries = {engine.name: Entry(engine.name, engine.lacks(job)) for engine in engines}
    with ExitStack() as stack:
        contestants: list[Contestant | Starter] = []
        for engine in engines:
            if entries[engine.name].lacks:
                continue
            best = _best(engine, job, row, plan, entries[engine.name])
            if best:
                stack.callback(best.close)
                contestants.append(best)
        neighbours = Neighbours(lambda: [pid for contestant in contestants for pid in contestant.pids])
        for index in range(plan.rounds):
            plan.progress(f"{row.name}: round {index + 1} of {plan.rounds}")
            turn = index % max(1, len(contestants))
            for contestant in contestants[turn:] + contestants[:turn]:
                entry = entries[contestant.engine.name]
                if entry.failures.get(""):
                    continue
                try:
                    entry.slices.append(contestant.time(plan.seconds))
                except WorkerError as error:
                    entry.failures[""] = str(error)
                    entry.slices.clear()
        for contestant in contestants:
            entries[contestant.engine.name].peak_bytes = contestant.peak_bytes
        return Measurement(list(entries.values()), neighbours.cpus)


def _best(engine: Engine, job: Job, row: Row, plan: Plan, entry: Entry) -> Contestant | Starter | None:
    """The fastest of the variants whose result is right, each compared in turn with the best so far."""
    cpus: list[int | None] = [*plan.cores] if row.cores == "each" else [None]
    log = plan.folder / "logs" / f"{row.name}-{engine.name}.log"
    log.unlink(missing_ok=True)
    best: Contestant | Starter | None = None
    known = plan.known.get((engine.name, row.measure, job))
    for variant in [known] if known else engine.variants(job):
        plan.progress(f"{row.name}: {engine.name}, {variant}")
        try:
            challenger = (
                Contestant(engine, variant, job, cpus, log)
                if row.measure == "batch"
                else Starter(engine, variant, job, cpus, log, row.measure)
            )
        except WorkerError as error:
            entry.failures[variant] = str(error)
            continue
        try:
            error = _error(challenger.output(), job)
            if not error <= TOLERANCES[job.precision]:
                raise WorkerError(f"wrong result: off by {error:.1e} of the largest")
            challenger.time(plan.seconds)
            wins = best is None or _is_faster(challenger, best, plan)
        except WorkerError as failure:
            entry.failures[variant] = str(failure)
            challenger.close()
            continue
        if wins:
            entry.variant, entry.note, entry.error = variant, challenger.note, error
            challenger, best = best, challenger
        if challenger:
            challenger.close()
    if best:
        plan.known[engine.name, row.measure, job] = best.variant
    return best


def _is_faster(challenger: Contestant | Starter, best: Contestant | Starter, plan: Plan) -> bool:
    pairs = [
        (figure(challenger.time(plan.seconds)), figure(best.time(plan.seconds))) for _ in range(CALIBRATION_SLICES)
    ]
    return median(theirs / ours for theirs, ours in pairs) < 1


def _error(output: numpy.ndarray, job: Job) -> float:
    """The largest difference from the float64 output, as a share of the largest output."""
    expected = numpy.load(job.exports.expected(job.batch, job.mode))
    if output.shape != expected.shape:
        raise WorkerError(f"wrong result: shape {output.shape}, expected {expected.shape}")
    return float(numpy.abs(output - expected).max() / numpy.abs(expected).max())


def ratios(peer: Entry, entries: list[Entry]) -> list[float]:
    """Peer ÷ ours, by round: both of a round met the same neighbours."""
    ours = next((entry for entry in entries if entry.engine == OURS.name), None)
    return [theirs / own for theirs, own in zip(peer.figures, ours.figures)] if ours else []
