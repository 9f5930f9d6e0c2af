"""MNN in high precision, from ONNX by its own converter. Its package computes in float32 when asked for bf16."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    import numpy

    from harness.job import Job


class MNN(Engine):
    name = "mnn"
    packages = ("MNN",)
    modules = ("MNN",)

    def variants(self, job: Job) -> list[str]:
        return ["session"]

    def load(self, job: Job, variant: str) -> Session:
        return _Session(job)


class _Session(Session):
    def __init__(self, job: Job) -> None:
        import MNN as mnn
        import numpy

        folder = job.exports.converted(f"mnn-{job.batch}", lambda folder: _convert(job, folder))
        self._net = mnn.Interpreter(str(folder / "model.mnn"))
        self._session = self._net.createSession({"backend": "CPU", "numThread": job.threads, "precision": "high"})
        self._input = self._net.getSessionInput(self._session)
        self._output = self._net.getSessionOutput(self._session)
        self._images = _tensor(job.exports.images(job.batch))
        # That is a copy: one is held, as by the other engines.
        job.exports.forget_images()
        self._scores = _tensor(numpy.zeros(self._output.getShape(), numpy.float32))

    def run(self) -> None:
        self._input.copyFrom(self._images)
        self._net.runSession(self._session)
        self._output.copyToHostTensor(self._scores)

    def output(self) -> numpy.ndarray:
        import numpy

        return numpy.array(self._scores.getData(), numpy.float32).reshape(self._scores.getShape())


def _tensor(array: numpy.ndarray) -> object:
    import MNN as mnn

    return mnn.Tensor(array.shape, mnn.Halide_Type_Float, array, mnn.Tensor_DimensionType_Caffe)


def _convert(job: Job, folder: Path) -> None:
    # The extension behind the command `mnnconvert`, which itself would install a package and report its use.
    import _tools

    _tools.mnnconvert(
        ["mnnconvert", "-f", "ONNX", "--modelFile", str(job.exports.onnx(job.batch)),
         "--MNNModel", str(folder / "model.mnn"), "--bizCode", "MNN"]
    )  # fmt: skip
