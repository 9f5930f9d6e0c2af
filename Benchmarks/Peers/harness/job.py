"""What one worker process is to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.exports import Exports


@dataclass(frozen=True)
class Job:
    """A batch of a model, in one mode, on a number of threads."""

    model: str
    mode: str
    batch: int
    threads: int
    exact: bool
    precision: str
    folder: str

    @property
    def exports(self) -> Exports:
        return Exports(self.model, Path(self.folder))

    def text(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text: str) -> Job:
        return Job(**json.loads(text))
