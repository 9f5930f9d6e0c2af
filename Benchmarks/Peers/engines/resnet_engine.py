"""This project's engine, as a program of the benchmarks package."""

from __future__ import annotations

import os
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
        return ["dispatch"] if job.threads == 1 else ["dispatch", "openmp"]

    def load(self, job: Job, variant: str) -> Session:
        raise NotImplementedError("runs as a program")

    def command(self, job: Job, variant: str) -> list[str]:
        exports = job.exports
        flags = ["--exact"] if job.exact else []
        if job.precision != "float32":
            flags += ["--precision", job.precision]
        return [
            os.environ["ENGINE_WORKER"], "--model", job.model,
            "--weights", str(exports.weights), "--input", str(exports.input(job.batch)),
            "--mode", job.mode, "--threads", str(job.threads), "--executor", variant, *flags,
        ]  # fmt: skip
