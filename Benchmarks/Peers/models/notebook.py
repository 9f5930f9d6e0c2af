"""The notebook network: residual blocks whose one batch norm serves all three convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.model import Model

if TYPE_CHECKING:
    from torch import nn


class Notebook(Model):
    name = "notebook"
    image = (3, 28, 28)

    def module(self) -> nn.Module:
        import torch
        from torch import nn

        class ResidualBlock(nn.Module):
            def __init__(self, inputs: int, outputs: int) -> None:
                super().__init__()
                self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
                self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
                self.conv3 = nn.Conv2d(inputs, outputs, 1)
                self.bn = nn.BatchNorm2d(outputs)
                self.relu = nn.ReLU()

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = self.relu(self.bn(self.conv1(x)))
                y = self.bn(self.conv2(y))
                return y + self.bn(self.conv3(x))

        class ResNet(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer_out = nn.Linear(64 * 28 * 28, 10)
                self.make_layer = nn.Sequential(ResidualBlock(3, 64), ResidualBlock(64, 64), ResidualBlock(64, 64))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.layer_out(torch.flatten(self.make_layer(x), 1))

        return ResNet()
