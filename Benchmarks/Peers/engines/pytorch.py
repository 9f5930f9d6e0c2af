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
    #: Weights and features, rather than those of the operations that autocast picks.
    whole_bf16: bool = False


_RUNNING = {
    "frozen": _Settings(channels_last=False, traced="frozen"),
    "frozen, channels-last": _Settings(channels_last=True, traced="frozen"),
    "optimized for inference": _Settings(channels_last=False, traced="optimized"),
}
_BF16 = {
    "bf16, frozen": _Settings(channels_last=False, traced="frozen", whole_bf16=True),
    "bf16, frozen, channels-last": _Settings(channels_last=True, traced="frozen", whole_bf16=True),
    "bf16, optimized for inference": _Settings(channels_last=False, traced="optimized", whole_bf16=True),
    "autocast, frozen, channels-last": _Settings(channels_last=True, traced="frozen"),
}
_BATCH = {
    "eager": _Settings(channels_last=False),
    "eager, channels-last": _Settings(channels_last=True),
}


class PyTorch(Engine):
    name = "pytorch"
    packages = ("torch",)
    modules = ("torch", "safetensors.torch", "models")
    modes = ("running", "batch")
    precisions = ("float32", "bf16")

    def variants(self, job: Job) -> list[str]:
        return list(_BF16 if job.precision == "bf16" else _RUNNING if job.mode == "running" else _BATCH)

    def load(self, job: Job, variant: str) -> Session:
        return _Session(job, {**_RUNNING, **_BF16, **_BATCH}[variant])


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
        self._type = torch.bfloat16 if settings.whole_bf16 else torch.float32
        module = module.to(self._type)
        if settings.traced:
            # The traced graph keeps the conversions of autocast, which is off when it runs.
            autocast = job.precision == "bf16" and not settings.whole_bf16
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast, cache_enabled=False):
                module = torch.jit.trace(module, images.to(self._type), check_trace=False)
            module = torch.jit.freeze(module)
        if settings.traced == "optimized":
            module = torch.jit.optimize_for_inference(module)
        self._module = module
        self._images = images

    def warm_up(self) -> None:
        # The profiling executor rewrites the graph during the first calls.
        for _ in range(3):
            self.run()

    def run(self) -> None:
        self._scores = self._module(self._images.to(self._type)).float()

    def output(self) -> numpy.ndarray:
        return self._scores.numpy()
