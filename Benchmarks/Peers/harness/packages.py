"""The pinned packages, and which of them are there."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
#: What exporting and checking need, whichever engines are measured.
COMMON = ("numpy", "safetensors", "torch", "onnx")


def missing(packages: tuple[str, ...]) -> list[str]:
    """Those of the packages, as `name==version`, that are not installed in the pinned version."""
    pins = _pins()
    lacking = []
    for package in packages:
        pin = pins[package.lower()]
        try:
            # A build's own tag, as in 2.15.0+cpu, is no other version.
            installed = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            installed = None
        if installed != pin:
            lacking.append(f"{package}=={pin}")
    return lacking


def pinned(package: str) -> str:
    """The version that a package is measured in."""
    return _pins()[package.lower()]


def _pins() -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    return {name.lower(): version for name, _, version in (line.partition("==") for line in lines if line)}
