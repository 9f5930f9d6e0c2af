"""This project's engine, as a program of the benchmarks package, from weights that it has prepared once, as the other engines
are from files of their own converters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    from harness.job import Job


class ResNetEngine(Engine):
    name = "resnet-engine"
    packages = ()
    modes = ("running", "batch")
    precisions = ("float32", "bf16")

    def variants(self, job: Job) -> list[str]:
        # Prepared weights can be used where they lie in their file, instead of being read.
        mapped = ["dispatch, weights mapped"] if job.mode == "running" else []
        return ["dispatch", *mapped] if job.threads == 1 else ["dispatch", *mapped, "openmp"]

    def load(self, job: Job, variant: str) -> Session:
        raise NotImplementedError("runs as a program")

    def command(self, job: Job, variant: str) -> list[str]:
        executor, *mapped = variant.split(", ")
        return [
            *_program(job), "--weights", str(_weights(job)), "--input", str(job.exports.input(job.batch)),
            "--threads", str(job.threads), "--executor", executor, *(["--mapped"] if mapped else []),
        ]  # fmt: skip


def _program(job: Job) -> list[str]:
    """The program, with all that decides how weights are prepared."""
    flags = ["--exact"] if job.exact else []
    if job.precision != "float32":
        flags += ["--precision", job.precision]
    if job.batch == 1:
        flags += ["--objective", "latency"]
    return [os.environ["ENGINE_WORKER"], "--model", job.model, "--mode", job.mode, *flags]


def _weights(job: Job) -> Path:
    """Prepared weights; those of the model where statistics are the batch's."""
    if job.mode == "batch":
        return job.exports.weights
    program = _program(job)

    def prepare(folder: Path) -> None:
        command = [*program, "--weights", str(job.exports.weights), "--prepare", str(folder / "weights.safetensors")]
        subprocess.run(command, check=True, stdout=sys.stderr)

    # Made anew by another program, and for other options.
    digest = hashlib.sha256(Path(program[0]).read_bytes() + repr(program).encode()).hexdigest()[:12]
    return job.exports.converted(f"resnet-engine-{digest}", prepare) / "weights.safetensors"
