"""Writes one file of a model with PyTorch: `export.py MODEL WHAT BATCH FILE ROOT`; see harness/exports.py."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from harness.exports import Exports
from models import MODELS

if TYPE_CHECKING:
    import numpy
    import torch
    from torch import nn

SEED = 0


def main() -> None:
    name, what, batch, file, root = sys.argv[1:]
    warnings.simplefilter("ignore")
    exports = Exports(name, Path(root))
    match what:
        case "weights":
            write_weights(name, file)
        case "input":
            write_input(name, int(batch), file)
        case "expected-running" | "expected-batch":
            write_expected(exports, int(batch), what.removeprefix("expected-"), file)
        case "onnx":
            write_onnx(exports, int(batch), file)
        case "traced":
            write_traced(exports, int(batch), file)
        case _:
            raise SystemExit(f"export.py: no file of kind '{what}'")


def write_weights(name: str, file: str) -> None:
    """Default weights; batch norms as after training: no scale, shift, mean or variance is 0 or 1."""
    import torch
    from safetensors.torch import save_file
    from torch import nn

    # One thread: sums in one order, so the same weights on every machine of a kind.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    module = MODELS[name].module()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0.0, 0.2)
    module.train()
    with torch.no_grad():
        for _ in range(4):
            module(torch.randn(8, *MODELS[name].image))
    save_file(module.state_dict(), file)


def write_input(name: str, batch: int, file: str) -> None:
    import numpy
    import torch

    torch.manual_seed(SEED + 1)
    save(file, numpy.ascontiguousarray(torch.randn(batch, *MODELS[name].image).numpy()))


def write_expected(exports: Exports, batch: int, mode: str, file: str) -> None:
    import torch

    module = load(exports).double().train(mode == "batch")
    with torch.no_grad():
        save(file, module(images(exports, batch).double()).numpy())


def write_onnx(exports: Exports, batch: int, file: str) -> None:
    import torch

    # The exporter by tracing: it keeps Flatten, and folds batch norms into convolutions.
    torch.onnx.export(
        load(exports).eval(), (images(exports, batch),), file,
        input_names=["input"], output_names=["output"], dynamo=False,
    )  # fmt: skip


def write_traced(exports: Exports, batch: int, file: str) -> None:
    import torch

    with torch.no_grad():
        torch.jit.trace(load(exports).eval(), images(exports, batch)).save(file)


def load(exports: Exports) -> nn.Module:
    """The module with the exported weights."""
    from safetensors.torch import load_file

    module = MODELS[exports.model].module()
    module.load_state_dict(load_file(exports.weights))
    return module


def images(exports: Exports, batch: int) -> torch.Tensor:
    import numpy
    import torch

    return torch.from_numpy(numpy.load(exports.input(batch)))


def save(file: str, array: numpy.ndarray) -> None:
    import numpy

    # By handle: a name without .npy would get it appended.
    with open(file, "wb") as target:
        numpy.save(target, array)


if __name__ == "__main__":
    main()
