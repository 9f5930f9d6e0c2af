"""ncnn in float32, or with its features and weights in bf16, from PyTorch by pnnx. It has no batch: images go one at a
time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    import numpy

    from harness.job import Job


class NCNN(Engine):
    name = "ncnn"
    packages = ("ncnn", "pnnx")
    modules = ("ncnn",)
    precisions = ("float32", "bf16")

    def variants(self, job: Job) -> list[str]:
        if job.threads == 1:
            return ["image by image"]
        return ["threads share an image", "an image a thread"]

    def load(self, job: Job, variant: str) -> Session:
        return _Session(job, images_at_once=job.threads if variant == "an image a thread" else 1)


class _Session(Session):
    def __init__(self, job: Job, images_at_once: int) -> None:
        import ncnn
        import numpy

        self._ncnn = ncnn
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = job.threads // images_at_once
        # Half precision is its default even where it only saves memory.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_packed = options.use_bf16_storage = job.precision == "bf16"
        folder = job.exports.converted("ncnn", lambda folder: _convert(job, folder))
        self._net.load_param(str(folder / "model.param"))
        self._net.load_model(str(folder / "model.bin"))
        self._images = job.exports.images(job.batch)
        self._rows: list[numpy.ndarray] = []
        self._pool = ThreadPoolExecutor(images_at_once) if images_at_once > 1 else None

    def run(self) -> None:
        apply = self._pool.map if self._pool else map
        self._rows = list(apply(self._score, self._images))

    def output(self) -> numpy.ndarray:
        import numpy

        return numpy.stack(self._rows)

    def _score(self, image: numpy.ndarray) -> numpy.ndarray:
        import numpy

        with self._net.create_extractor() as extractor:
            extractor.input("in0", self._ncnn.Mat(image))
            status, result = extractor.extract("out0")
            if status != 0:
                raise RuntimeError(f"extract failed with status {status}")
            return numpy.array(result)


def _convert(job: Job, folder: Path) -> None:
    from models import MODELS

    # It writes beside its input, under names made from the input's.
    source = Path(shutil.copy(job.exports.traced(1), folder / "source.pt"))
    shape = ",".join(str(extent) for extent in (1, *MODELS[job.model].image))
    command = [str(Path(sys.executable).parent / "pnnx"), source.name, f"inputshape=[{shape}]", "fp16=0"]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
    (folder / "source.ncnn.param").rename(folder / "model.param")
    (folder / "source.ncnn.bin").rename(folder / "model.bin")
    for rest in folder.glob("source*"):
        rest.unlink()
