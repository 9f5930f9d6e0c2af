"""Compares resnet-score with PyTorch in float64 on networks of full size, presets and block variants. `make peers` runs it.

`full_size.py RESNET_SCORE` prints a line a network, and ends with 1 where one is off by more than its tolerance.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

sys.path.append(str(Path(__file__).resolve().parents[2] / "Tests" / "Fixtures"))
from resnet_networks import BLOCKS, PRESETS, Frame, answer, drawn  # noqa: E402

#: Largest difference from the float64 output, as a share of the largest output.
TOLERANCES = {"float32": 1e-5, "bf16": 2e-2}
SEED = 5
PRESETS_CHECKED = ("resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2")
IMAGES = ((224, 224), (97, 61))


def networks() -> Iterator[tuple[str, str]]:
    """Presets with their own block, then all other variants in a frame that fits."""
    for preset in PRESETS_CHECKED:
        yield preset, PRESETS[preset][0]
    for block in BLOCKS:
        if block not in ("basic", "bottleneck"):
            yield "resnet50" if BLOCKS[block].expansion > 1 else "resnet18", block


def initialise(model: nn.Module) -> None:
    """Draws PyTorch's default weights for convolutions and the classifier. With the larger ones that were drawn, features grow
    from block to block, and the gates of squeeze-excitation depend on their last bits: PyTorch's own float32 is then off by
    4e-5."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.reset_parameters()


def check(program: str, preset: str, block: str, height: int, width: int, folder: Path) -> bool:
    _, blocks, groups, base = PRESETS[preset]
    model = Frame(BLOCKS[block], blocks, 64, 1000, groups, base)
    images = drawn(model, height, width, SEED)
    initialise(model)
    save_file(model.state_dict(), folder / "weights.safetensors")
    numpy.save(folder / "input.npy", images.numpy())
    expected = answer(model, images).numpy()
    passed = True
    # Presets as they are, in bf16 too.
    narrow = [["--precision", "bf16"]] if block == PRESETS[preset][0] else []
    for flags in ([], ["--exact"], *narrow):
        tolerance = TOLERANCES["bf16" if "bf16" in flags else "float32"]
        command = [
            program, "--model", preset, "--block", block, "--image", f"{height}x{width}",
            "--weights", str(folder / "weights.safetensors"), "--input", str(folder / "input.npy"),
            "--output", str(folder / "output.npy"), *flags,
        ]  # fmt: skip
        subprocess.run(command, check=True)
        difference = numpy.abs(numpy.load(folder / "output.npy") - expected).max()
        error = float(difference / numpy.abs(expected).max())
        verdict = "ok" if error <= tolerance else "FAILED"
        passed &= error <= tolerance
        print(f"{preset:16} {block:30} {height}x{width:<4} {' '.join(flags):16} {error:.1e}  {verdict}", flush=True)
    return passed


def main() -> int:
    program = sys.argv[1]
    print(f"difference from float64, as a share of the largest output; at most {TOLERANCES}")
    with tempfile.TemporaryDirectory() as folder:
        results = [
            check(program, preset, block, height, width, Path(folder))
            for preset, block in networks() for height, width in IMAGES
        ]  # fmt: skip
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
