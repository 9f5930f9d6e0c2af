"""The files made from a model, each made when it is first asked for and kept for later runs."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

PEERS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Exports:
    """The files of one model.

    They stand in a folder that is named after the sources which decide their content: a change makes them anew.
    """

    model: str
    root: Path

    @property
    def weights(self) -> Path:
        return self._exported("weights", "weights.safetensors")

    def input(self, batch: int) -> Path:
        return self._exported("input", f"input-{batch}.npy", batch)

    def images(self, batch: int) -> numpy.ndarray:
        """What `input` holds, read once a process."""
        return _load(self.input(batch))

    def forget_images(self) -> None:
        """For an engine that holds images of its own instead."""
        _load.cache_clear()

    def expected(self, batch: int, mode: str) -> Path:
        """The output in float64."""
        return self._exported(f"expected-{mode}", f"expected-{mode}-{batch}.npy", batch)

    def onnx(self, batch: int) -> Path:
        return self._exported("onnx", f"model-{batch}.onnx", batch)

    def traced(self, batch: int) -> Path:
        """The network in inference mode as TorchScript."""
        return self._exported("traced", f"traced-{batch}.pt", batch)

    def converted(self, name: str, convert: Callable[[Path], None]) -> Path:
        """A folder that an engine's own converter fills."""

        def make(path: Path) -> None:
            path.mkdir()
            convert(path)

        return self._made(name, make)

    def _exported(self, what: str, name: str, batch: int = 1) -> Path:
        # In a process of its own: PyTorch and its threads stay out of the other engines' processes.
        def make(path: Path) -> None:
            command = [sys.executable, str(PEERS / "export.py"), self.model, what, str(batch), str(path)]
            subprocess.run([*command, str(self.root)], check=True, stdout=sys.stderr)

        return self._made(name, make)

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        folder = self.root / f"{self.model}-{_fingerprint()}"
        path = folder / name
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / f".{name}.lock"):
            if not path.exists():
                partial = folder / f".partial-{name}"
                shutil.rmtree(partial, ignore_errors=True)
                partial.unlink(missing_ok=True)
                make(partial)
                partial.rename(path)
        return path


@cache
def _load(path: Path) -> numpy.ndarray:
    import numpy

    return numpy.load(path)


def _fingerprint() -> str:
    """A name for the sources that decide what the files hold."""
    digest = hashlib.sha256()
    sources = [PEERS / "export.py", PEERS / "requirements.txt"]
    sources += sorted([*(PEERS / "models").glob("*.py"), *(PEERS / "engines").glob("*.py")])
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
