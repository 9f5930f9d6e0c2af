"""ONNX Runtime on its CPU provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    import numpy

    from harness.job import Job


class ONNXRuntime(Engine):
    name = "onnxruntime"
    packages = ("onnxruntime",)
    modules = ("onnxruntime",)

    def variants(self, job: Job) -> list[str]:
        return ["sequential, spinning"]

    def load(self, job: Job, variant: str) -> Session:
        return _Session(job)


class _Session(Session):
    def __init__(self, job: Job) -> None:
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        path = str(job.exports.onnx(job.batch))
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._feed = {"input": job.exports.images(job.batch)}
        self._output: numpy.ndarray

    def run(self) -> None:
        (self._output,) = self._session.run(None, self._feed)

    def output(self) -> numpy.ndarray:
        return self._output
