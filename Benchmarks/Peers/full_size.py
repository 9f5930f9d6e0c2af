"""Compares resnet-score with PyTorch in float64 on networks of full size, presets and block variants: outputs, and the
classes that bf16 answers. `make peers` runs it.

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
from resnet_networks import BLOCKS, PRESETS, Frame, Usual, answer, drawn  # noqa: E402

#: Largest difference from the float64 output, as a share of the largest output.
TOLERANCES = {"float32": 1e-5, "bf16": 2e-2}
SEED = 5
PRESETS_CHECKED = ("resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2")
IMAGES = ((224, 224), (97, 61))
#: Presets whose answers in bf16 are counted, the images asked about, and what must agree where the float64 margin between
#: the two largest outputs exceeds the tolerance.
PRESETS_ASKED = ("resnet18", "resnet50")
CLASSES_ASKED, IMAGES_ASKED = 16, 256
LEAST_ASKED, LEAST_CLASSES, LEAST_AGREEMENT = 100, 5, 0.995


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


def score(program: str, preset: str, model: nn.Module, images: torch.Tensor, folder: Path, flags: list[str]) -> numpy.ndarray:
    """What resnet-score answers."""
    save_file(model.state_dict(), folder / "weights.safetensors")
    numpy.save(folder / "input.npy", images.numpy())
    command = [
        program, "--model", preset, "--weights", str(folder / "weights.safetensors"), "--input", str(folder / "input.npy"),
        "--output", str(folder / "output.npy"), *flags,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return numpy.load(folder / "output.npy")


def check(program: str, preset: str, block: str, height: int, width: int, folder: Path) -> bool:
    _, blocks, groups, base = PRESETS[preset]
    model = Frame(BLOCKS[block], blocks, 64, 1000, groups, base)
    images = drawn(model, height, width, SEED)
    initialise(model)
    expected = answer(model, images).numpy()
    passed = True
    # Presets as they are, in bf16 too.
    narrow = [["--precision", "bf16"]] if block == PRESETS[preset][0] else []
    for flags in ([], ["--exact"], *narrow):
        tolerance = TOLERANCES["bf16" if "bf16" in flags else "float32"]
        output = score(program, preset, model, images, folder, ["--block", block, "--image", f"{height}x{width}", *flags])
        difference = numpy.abs(output - expected).max()
        error = float(difference / numpy.abs(expected).max())
        verdict = "ok" if error <= tolerance else "FAILED"
        passed &= error <= tolerance
        print(f"{preset:16} {block:30} {height}x{width:<4} {' '.join(flags):16} {error:.1e}  {verdict}", flush=True)
    return passed


def patterns(classes: int, count: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and the class of each: classes differ in colour, contrast and coarseness, images of one in all else."""
    cells = (2 ** (1 + 6 * torch.rand(classes))).int().tolist()
    contrasts, colours = 0.2 + 1.8 * torch.rand(classes, 3, 1, 1), torch.randn(classes, 3, 1, 1)
    labels = torch.arange(count) % classes
    images = []
    for label in labels.tolist():
        coarse = torch.randn(1, 3, cells[label], cells[label]) * contrasts[label] + colours[label]
        images.append(nn.functional.interpolate(coarse, size=(size, size), mode="bilinear"))
    return torch.cat(images), labels


def agree(program: str, preset: str, folder: Path) -> bool:
    """Whether bf16 gives the class of float64 for seeded images, in a network that tells them apart: of weights drawn at random,
    with the statistics of some images, and a classifier whose rows are the mean features of each class of images."""
    torch.manual_seed(SEED)
    block, blocks, groups, base = PRESETS[preset]
    model = Frame(BLOCKS[block], blocks, 64, 1000, groups, base)
    images, labels = patterns(CLASSES_ASKED, IMAGES_ASKED + 2 * CLASSES_ASKED, 224)
    learned, images = images[: 2 * CLASSES_ASKED], images[2 * CLASSES_ASKED :]
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
        elif isinstance(module, Usual):
            # Else what tells images apart is lost from block to block.
            nn.init.constant_(getattr(module, f"bn{module.count}").weight, 0.25)
    with torch.no_grad():
        model.train()
        model(learned)
        model.eval()
        classifier, model.fc = model.fc, nn.Identity()
        features = model(learned)
        model.fc = classifier
        means = torch.stack([features[labels[: len(learned)] == label].mean(0) for label in range(CLASSES_ASKED)])
        means -= means.mean(0)
        # The classes that are asked about, and others that are never as large.
        classifier.weight.zero_()
        classifier.weight[:CLASSES_ASKED] = means
        classifier.bias.fill_(0)
        classifier.bias[:CLASSES_ASKED] = -means @ features.mean(0) - means.square().sum(1) / 2
        classifier.bias[CLASSES_ASKED:] = classifier.bias[:CLASSES_ASKED].min()
    narrow = score(program, preset, model, images, folder, ["--precision", "bf16"])
    expected = numpy.concatenate([answer(model, part) for part in images.split(16)])
    largest = numpy.abs(expected).max()
    second, first = numpy.sort(expected, axis=1)[:, -2:].T
    asked = first - second > TOLERANCES["bf16"] * largest
    right = expected.argmax(axis=1)
    classes, agreement = len(set(right[asked])), float((narrow.argmax(axis=1) == right)[asked].mean())
    error = float(numpy.abs(narrow - expected).max() / largest)
    passed = (
        asked.sum() >= LEAST_ASKED and classes >= LEAST_CLASSES and agreement >= LEAST_AGREEMENT
        and error <= TOLERANCES["bf16"]
    )  # fmt: skip
    print(
        f"{preset:16} bf16 answers as float64 in {100 * agreement:.2f} % of {asked.sum()} images, {classes} classes, {error:.1e}"
        f"  {'ok' if passed else 'FAILED'}",
        flush=True,
    )
    return passed


def main() -> int:
    program = sys.argv[1]
    print(f"difference from float64, as a share of the largest output; at most {TOLERANCES}")
    with tempfile.TemporaryDirectory() as folder:
        results = [
            check(program, preset, block, height, width, Path(folder))
            for preset, block in networks() for height, width in IMAGES
        ]  # fmt: skip
        results += [agree(program, preset, Path(folder)) for preset in PRESETS_ASKED]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
