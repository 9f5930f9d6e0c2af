"""The lines that the driver and a worker exchange: one of text in, one of JSON out.

(start)        {"ready": NOTE,    a first batch is scored; the note says what the engine chose, for the table
                "preparation": MS,   from the model's files to ready, without imports
                "resident": BYTES}   in memory before the model's files are read, imports and images there; from then on
                                  the peak that the system notes counts. null where the system tells neither
run SECONDS    [MS, …]           milliseconds of each batch of a slice
output FILE    null              the last batch's result is in FILE, a .npy
quit           (end)

{"error": TEXT} stands for any answer when something failed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import numpy

from engines.engine import Session
from harness.machine import restart_peak


def serve(prepare: Callable[[], None], load: Callable[[], Session]) -> None:
    """Calls `prepare`, which does what is no part of the preparation, then `load`. Answers the driver until `quit`; the
    process's standard output is the protocol's alone."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(value: object) -> None:
        answers.write(json.dumps(value) + "\n")

    try:
        prepare()
        resident = restart_peak()
        begin = time.perf_counter()
        session = load()
        preparation = (time.perf_counter() - begin) * 1e3
        session.run()
        answer({"ready": session.note, "preparation": preparation, "resident": resident})
        session.warm_up()
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            match word:
                case "run":
                    answer(timed(session, float(rest)))
                case "output":
                    with open(rest, "wb") as file:
                        numpy.save(file, numpy.ascontiguousarray(session.output()))
                    answer(None)
                case "quit":
                    return
                case _:
                    raise ValueError(f"unknown line '{line.strip()}'")
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise


def timed(session: Session, seconds: float) -> list[float]:
    """Milliseconds of each batch until the time is up, three at least where these take no more than four times as long,
    after one that is not counted, which finds the caches as another process left them."""
    session.run()
    times: list[float] = []
    begin = start = time.perf_counter()
    while not times or start - begin < seconds or (len(times) < 3 and start - begin < 4 * seconds):
        session.run()
        end = time.perf_counter()
        times.append((end - start) * 1e3)
        start = end
    return times
