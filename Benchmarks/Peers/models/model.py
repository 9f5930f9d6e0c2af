"""What the measurements need to know about a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import nn


class Model(ABC):
    """A network as a PyTorch module; weights, ONNX and all other files are made from it."""

    name: str
    #: Channels, height and width of an image.
    image: ClassVar[tuple[int, int, int]]

    @abstractmethod
    def module(self) -> nn.Module:
        """The module with PyTorch's default weights, drawn from the generator as it stands."""
