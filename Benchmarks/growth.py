"""How speed grows with batches, images and channels: `growth.py RESNET_BENCH [RESULT.md]`. `make growth` runs it.

The standard library alone. A point that costs more than half again as much an operation as the cheaper of its neighbours is
marked, so that nobody has to look for cliffs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

CLIFF = 1.5
REASONS = [
    "Where they are expected: of one image all workers compute parts of each step and read all weights for it alone; an image of",
    "28 pixels leaves maps of one pixel, for which all weights are read and nine taps in ten are padding; and with fewer than 64",
    "channels Winograd's transforms take as long as its products.",
]
BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
IMAGES = [28, 56, 84, 112, 168, 224, 336, 448]
CHANNELS = [16, 32, 64, 128, 256, 512, 1024]


def main() -> None:
    bench = sys.argv[1]
    threads = os.cpu_count() or 1
    machine = json.loads(run(bench, "topology", "--json", "-"))["machine"]["cpu"]
    page = [
        "# Growth",
        "",
        f"Written by `make growth` on {date.today().isoformat()}: {machine}, {threads} threads, single layers on one. `cost` is the",
        "time of an operation of the model as written, as a share of the least in the table; **cliff** stands where it is more than",
        f"{CLIFF} times that of a neighbour.",
        "",
        *REASONS,
    ]
    for model, batches in [("notebook", BATCHES), ("resnet18", BATCHES[:8])]:
        points = [network(bench, model, threads, batch=batch) for batch in batches]
        page += table(f"Images of a batch, {model}", "batch", batches, points, "images/s")
    points = [network(bench, "resnet18", threads, batch=8, image=image) for image in IMAGES]
    page += table("Pixels of an image's side, resnet18, batch 8", "pixels", IMAGES, points, "images/s")
    for kernel in (3, 1):
        for side in (28, 7):
            points = [layer(bench, kernel, side, channels) for channels in CHANNELS]
            title = f"Channels of a {kernel}×{kernel} convolution, {side}×{side}, 16 images"
            page += table(title, "channels", CHANNELS, points, "calls/s")
    text = "\n".join(page) + "\n"
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text)
    print(text)


def network(bench: str, model: str, threads: int, batch: int, image: int | None = None) -> tuple[float, float]:
    """Images a second, and nanoseconds a thousand operations."""
    arguments = ["--model", model, "--threads", f"{threads},", "--batch", str(batch), "--json", "-"]
    if image:
        arguments += ["--image", f"{image}x{image}"]
    report = json.loads(run(bench, *arguments))
    result = report["runs"][0]
    return result["images_per_s"], 1e3 / result["gflops"]


def layer(bench: str, kernel: int, side: int, channels: int) -> tuple[float, float]:
    """Calls a second of the kernel that is picked, and nanoseconds a thousand operations."""
    problem = f"conv:n16c{channels}h{side}w{side},k{channels}r{kernel}s{kernel},pad{kernel // 2},bias,relu"
    report = json.loads(run(bench, "layer", problem, "--skip-impl", "*.reference", "--json", "-"))
    picked = next(kernel for kernel in report["kernels"] if kernel["picked"])
    flops = 2 * 16 * channels * channels * kernel * kernel * side * side
    return 1e9 * picked["gflops"] / flops, 1e3 / picked["gflops"]


def table(title: str, axis: str, values: list[int], points: list[tuple[float, float]], unit: str) -> list[str]:
    least = min(cost for _, cost in points)
    lines = ["", f"## {title}", "", f"| {axis} | {unit} | GFLOP/s | cost | |", "|---:|---:|---:|---:|---|"]
    for index, (value, (rate, cost)) in enumerate(zip(values, points)):
        neighbours = [points[other][1] for other in (index - 1, index + 1) if 0 <= other < len(points)]
        mark = "cliff" if cost > CLIFF * min(neighbours) else ""
        lines.append(f"| {value} | {rate:,.0f} | {1e3 / cost:.0f} | {cost / least:.2f} | {mark} |")
    return lines


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
