"""PyTorch: traced and frozen for inference, eager for the training-mode forward."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.engine import Engine, Session

if TYPE_CHECKING:
    import numpy

    from harness.job import Job


@dataclass(frozen=True)
class _Settings:
    channels_last: bool
    #: Frozen into constants, or frozen and then rewritten for oneDNN.
    traced: str | None = None


_RUNNING = {
    "frozen": _Settings(channels_last=False, traced="frozen"),
    "frozen, channels-last": _Settings(channels_last=True, traced="frozen"),
    "optimized for inference": _Settings(channels_last=False, traced="optimized"),
}
_BATCH = {
    "eager": _Settings(channels_last=False),
    "eager, channels-last": _Settings(channels_last=True),
}


class PyTorch(Engine):
    name = "pytorch"
    packages = ("torch",)
    modules = ("torch", "safetensors.torch", "models")

    def variants(self, job: Job) -> list[str]:
        return list(_RUNNING if job.mode == "running" else _BATCH)

    def load(self, job: Job, variant: str) -> Session:
        return _Session(job, {**_RUNNING, **_BATCH}[variant])


class _Session(Session):
    def __init__(self, job: Job, settings: _Settings) -> None:
        import numpy
        import torch
        from safetensors.torch import load_file

        from models import MODELS

        # TorchScript is deprecated, and still what needs no compiler on the machine.
        warnings.filterwarnings("ignore", category=FutureWarning)
        torch.set_num_threads(job.threads)
        torch.set_num_interop_threads(1)
        torch.set_flush_denormal(True)
        torch.set_grad_enabled(False)
        module = MODELS[job.model].module()
        module.load_state_dict(load_file(job.exports.weights))
        module.train(job.mode == "batch")
        images = torch.from_numpy(job.exports.images(job.batch))
        if settings.channels_last:
            module = module.to(memory_format=torch.channels_last)
            images = images.to(memory_format=torch.channels_last)
        if settings.traced:
            module = torch.jit.freeze(torch.jit.trace(module, images, check_trace=False))
        if settings.traced == "optimized":
            module = torch.jit.optimize_for_inference(module)
        self._module = module
        self._images = images

    def warm_up(self) -> None:
        # The profiling executor rewrites the graph during the first calls.
        for _ in range(3):
            self.run()

    def run(self) -> None:
        self._scores = self._module(self._images)

    def output(self) -> numpy.ndarray:
        return self._scores.numpy()
