"""torchvision's residual networks, with its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.model import Model

if TYPE_CHECKING:
    from torch import nn


class ResNet(Model):
    image = (3, 224, 224)

    def __init__(self, name: str, blocks: list[int], bottleneck: bool, groups: int = 1, base_width: int = 64) -> None:
        self.name = name
        self.blocks = blocks
        self.bottleneck = bottleneck
        self.groups = groups
        self.base_width = base_width

    def module(self) -> nn.Module:
        import torch
        from torch import nn

        expansion = 4 if self.bottleneck else 1

        class Block(nn.Module):
            """A basic block, or a bottleneck with the stride in its 3×3 convolution."""

            def __init__(self, inputs: int, channels: int, width: int, stride: int, groups: int) -> None:
                super().__init__()
                outputs = channels * expansion
                self.conv1, self.bn1 = conv(inputs, width, 1) if expansion > 1 else conv(inputs, channels, 3, stride)
                if expansion > 1:
                    self.conv2, self.bn2 = conv(width, width, 3, stride, groups)
                    self.conv3, self.bn3 = conv(width, outputs, 1)
                else:
                    self.conv2, self.bn2 = conv(channels, channels, 3)
                self.downsample = nn.Sequential(*conv(inputs, outputs, 1, stride)) if (
                    stride != 1 or inputs != outputs) else None
                self.relu = nn.ReLU()

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
                if expansion > 1:
                    y = self.bn3(self.conv3(self.relu(y)))
                return self.relu(y + (x if self.downsample is None else self.downsample(x)))

        def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
            return [layer, nn.BatchNorm2d(outputs)]

        class Network(nn.Module):
            def __init__(self, blocks: list[int], groups: int, base_width: int) -> None:
                super().__init__()
                self.conv1, self.bn1 = conv(3, 64, 7, 2)
                self.relu = nn.ReLU()
                self.maxpool = nn.MaxPool2d(3, 2, 1)
                inputs = 64
                for index, count in enumerate(blocks):
                    channels = 64 << index
                    width = channels * base_width // 64 * groups
                    layers = []
                    for number in range(count):
                        stride = 2 if index > 0 and number == 0 else 1
                        layers.append(Block(inputs, channels, width, stride, groups))
                        inputs = channels * expansion
                    setattr(self, f"layer{index + 1}", nn.Sequential(*layers))
                self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
                self.fc = nn.Linear(inputs, 1000)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
                x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
                return self.fc(torch.flatten(self.avgpool(x), 1))

        return Network(self.blocks, self.groups, self.base_width)
