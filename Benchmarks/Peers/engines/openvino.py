"""OpenVINO on its CPU plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    import numpy

    from harness.job import Job


class OpenVINO(Engine):
    name = "openvino"
    packages = ("openvino",)
    modules = ("openvino",)
    precisions = ("float32", "bf16")

    def variants(self, job: Job) -> list[str]:
        if job.threads == 1:
            return ["latency", "throughput"]
        # A stream works on a request of its own: throughput takes a batch in as many parts as there are streams.
        return ["latency", "throughput, split batch"] if job.batch % job.threads == 0 else ["latency"]

    def load(self, job: Job, variant: str) -> Session:
        parts = job.threads if "split" in variant else 1
        return _Session(job, variant.split(",")[0].upper(), parts)


class _Session(Session):
    """The batch as one request, or as `parts` requests on a stream each."""

    def __init__(self, job: Job, hint: str, parts: int) -> None:
        import numpy
        import openvino

        core = openvino.Core()
        options: dict[str, object] = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_NUM_THREADS": job.threads,
            "INFERENCE_PRECISION_HINT": "bf16" if job.precision == "bf16" else "f32",
            "CPU_DENORMALS_OPTIMIZATION": True,
        }
        if parts > 1:
            options["NUM_STREAMS"] = parts
        compiled = core.compile_model(core.read_model(job.exports.onnx(job.batch // parts)), "CPU", options)
        images = job.exports.images(job.batch)
        # A processor without the instructions gets float32 for bf16.
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.note = f"streams: {compiled.get_property('NUM_STREAMS')}, {precision}"
        self._requests = []
        for part in numpy.split(images, parts):
            request = compiled.create_infer_request()
            request.set_input_tensor(openvino.Tensor(part, shared_memory=True))
            self._requests.append(request)

    def run(self) -> None:
        if len(self._requests) == 1:
            self._requests[0].infer()
            return
        for request in self._requests:
            request.start_async()
        for request in self._requests:
            request.wait()

    def output(self) -> numpy.ndarray:
        import numpy

        return numpy.concatenate([request.get_output_tensor().data for request in self._requests])
