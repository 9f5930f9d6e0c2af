"""The rows of the table as data: see rows.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from models import MODELS

_CHOICES = {
    "mode": ("running", "batch"),
    "cores": ("one", "all", "each"),
    "precision": ("float32", "bf16"),
    "measure": ("batch", "preparation", "start", "memory"),
}


@dataclass(frozen=True)
class Row:
    name: str
    model: str
    mode: str
    batch: int
    cores: str
    exact: bool = False
    precision: str = "float32"
    measure: str = "batch"

    def __post_init__(self) -> None:
        for field, choices in {**_CHOICES, "model": tuple(MODELS)}.items():
            if getattr(self, field) not in choices:
                raise SystemExit(f"row {self.name}: {field} is none of {', '.join(choices)}")
        if self.measure == "memory" and self.cores == "each":
            raise SystemExit(f"row {self.name}: memory is that of one process")

    @property
    def unit(self) -> str:
        return "MB" if self.measure == "memory" else "ms"

    def title(self, cores: int) -> str:
        mode = {"running": "running statistics", "batch": "batch statistics"}[self.mode]
        threads = {
            "one": "1 thread",
            "all": f"{cores} thread{'s' if cores > 1 else ''}",
            "each": f"{cores} process{'es' if cores > 1 else ''} of 1 thread, time for the machine",
        }[self.cores]
        exact = ", direct kernels only" if self.exact else ""
        precision = "" if self.precision == "float32" else f", {self.precision}"
        measure = {
            "batch": "",
            "preparation": ", from the model's files to ready",
            "start": ", from the start of the process to the first results",
            "memory": ", peak of memory less what was held before the model was read",
        }[self.measure]
        return f"{self.name}: {self.model}, {mode}, batch {self.batch}, {threads}{exact}{precision}{measure}"


def read_rows(path: Path, patterns: list[str]) -> list[Row]:
    """The rows whose names match one of the patterns; all of them where there are none."""
    rows = [Row(**row) for row in tomllib.loads(path.read_text())["row"]]
    for pattern in patterns:
        if not any(fnmatch(row.name, pattern) for row in rows):
            raise SystemExit(f"no row is named '{pattern}': {', '.join(row.name for row in rows)}")
    return [row for row in rows if not patterns or any(fnmatch(row.name, p) for p in patterns)]
