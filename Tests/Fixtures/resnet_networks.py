"""Residual networks in PyTorch, as this project has them: frames, block variants, and how their weights are drawn.

Used by make_resnet_fixtures.py and by Benchmarks/Peers/full_size.py.
"""

import torch
from torch import nn


def conv(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def function(block, inputs, channels, stride, groups, width, bottleneck):
    """Adds the layers of the residual function to a block; returns its output channels."""
    if bottleneck:
        shapes = [(inputs, width, 1, 1, 1), (width, width, 3, stride, groups), (width, 4 * channels, 1, 1, 1)]
    else:
        shapes = [(inputs, channels, 3, stride, 1), (channels, channels, 3, 1, 1)]
    for index, shape in enumerate(shapes, 1):
        if isinstance(block, PreActivation):
            setattr(block, f"bn{index}", nn.BatchNorm2d(shape[0]))
        setattr(block, f"conv{index}", conv(*shape))
        if not isinstance(block, PreActivation):
            setattr(block, f"bn{index}", nn.BatchNorm2d(shape[1]))
    block.count = len(shapes)
    return shapes[-1][1]


class Usual(nn.Module):
    """The basic block and the bottleneck."""

    def __init__(self, inputs, channels, stride=1, groups=1, width=None, bottleneck=False):
        super().__init__()
        outputs = function(self, inputs, channels, stride, groups, width or channels, bottleneck)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = self.shortcut(inputs, outputs, stride)

    @staticmethod
    def shortcut(inputs, outputs, stride):
        return nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def residual(self, x):
        for index in range(1, self.count + 1):
            x = x.relu() if index > 1 else x
            x = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x))
        return x

    def forward(self, x):
        return (self.residual(x) + (self.downsample(x) if self.downsample else x)).relu()


class Basic(Usual):
    expansion = 1


class Bottleneck(Usual):
    expansion = 4

    def __init__(self, *args, **kwargs):
        super().__init__(*args, bottleneck=True, **kwargs)


class Gate(nn.Module):
    """torchvision's SqueezeExcitation."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Excitation(Usual):
    """Squeeze and excitation before the shortcut is added."""

    def __init__(self, inputs, channels, stride=1, groups=1, width=None, bottleneck=False):
        nn.Module.__init__(self)
        outputs = function(self, inputs, channels, stride, groups, width or channels, bottleneck)
        self.se = Gate(outputs, max(outputs // 16, 1))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = self.shortcut(inputs, outputs, stride)

    def residual(self, x):
        return self.se(super().residual(x))


class ExcitationBasic(Excitation):
    expansion = 1


class ExcitationBottleneck(Excitation):
    expansion = 4

    def __init__(self, *args, **kwargs):
        super().__init__(*args, bottleneck=True, **kwargs)


class D(Usual):
    """ResNet-D: the shortcut averages where the block has a stride."""

    @staticmethod
    def shortcut(inputs, outputs, stride):
        pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if stride != 1 else nn.Identity()
        return nn.Sequential(pool, conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    @staticmethod
    def stem(inputs, channels):
        half = channels // 2
        return nn.Sequential(
            conv(inputs, half, 3, 2), nn.BatchNorm2d(half), nn.ReLU(), conv(half, half, 3), nn.BatchNorm2d(half),
            nn.ReLU(), conv(half, channels, 3))


class DBasic(D):
    expansion = 1


class DBottleneck(D):
    expansion = 4

    def __init__(self, *args, **kwargs):
        super().__init__(*args, bottleneck=True, **kwargs)


class PreActivation(nn.Module):
    """Normalisation and ReLU before each convolution."""

    def __init__(self, inputs, channels, stride=1, groups=1, width=None, bottleneck=False):
        super().__init__()
        outputs = function(self, inputs, channels, stride, groups, width or channels, bottleneck)
        self.shortcut = conv(inputs, outputs, 1, stride) if stride != 1 or inputs != outputs else None

    def forward(self, x):
        y = x
        for index in range(1, self.count + 1):
            y = getattr(self, f"conv{index}")(getattr(self, f"bn{index}")(y).relu())
        return y + (self.shortcut(x) if self.shortcut else x)


class PreActivationBasic(PreActivation):
    expansion = 1


class PreActivationBottleneck(PreActivation):
    expansion = 4

    def __init__(self, *args, **kwargs):
        super().__init__(*args, bottleneck=True, **kwargs)


class Notebook(nn.Module):
    """The notebook's block, with a stride."""

    expansion = 1

    def __init__(self, inputs, channels, stride=1, groups=1, width=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv3 = nn.Conv2d(inputs, channels, 1, stride)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.bn(self.conv2(self.bn(self.conv1(x)).relu())) + self.bn(self.conv3(x))


BLOCKS = {
    "notebook": Notebook,
    "basic": Basic,
    "bottleneck": Bottleneck,
    "pre-activation": PreActivationBasic,
    "pre-activation-bottleneck": PreActivationBottleneck,
    "squeeze-excitation": ExcitationBasic,
    "squeeze-excitation-bottleneck": ExcitationBottleneck,
    "resnet-d": DBottleneck,
    "resnet-d-basic": DBasic,
}


def stage(block, inputs, channels, blocks, stride, groups=1, base=64):
    width = channels * base // 64 * groups
    layers = [block(inputs, channels, stride, groups, width)]
    layers += [block(channels * block.expansion, channels, 1, groups, width) for _ in range(blocks - 1)]
    return nn.Sequential(*layers)


class NotebookFrame(nn.Module):
    def __init__(self, block, channels, height, width, classes, blocks=2):
        super().__init__()
        self.layer_out = nn.Linear(channels * block.expansion * height * width, classes)
        self.make_layer = stage(block, 3, channels, blocks, 1)
        if issubclass(block, PreActivation):
            self.norm = nn.BatchNorm2d(channels * block.expansion)

    def forward(self, x):
        x = self.make_layer(x)
        x = self.norm(x).relu() if hasattr(self, "norm") else x
        return self.layer_out(x.flatten(1))


class Frame(nn.Module):
    """torchvision's frame with any number of channels."""

    def __init__(self, block, blocks, channels, classes, groups=1, base=64):
        super().__init__()
        self.conv1 = block.stem(3, channels) if hasattr(block, "stem") else nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        inputs = channels
        for index, count in enumerate(blocks):
            layer = stage(block, inputs, channels << index, count, 1 if index == 0 else 2, groups, base)
            setattr(self, f"layer{index + 1}", layer)
            inputs = (channels << index) * block.expansion
        if issubclass(block, PreActivation):
            self.norm = nn.BatchNorm2d(inputs)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.norm(x).relu() if hasattr(self, "norm") else x
        return self.fc(x.mean((2, 3)))


# name: block, blocks of each stage, groups, base width
PRESETS = {
    "resnet18": ("basic", [2, 2, 2, 2], 1, 64),
    "resnet34": ("basic", [3, 4, 6, 3], 1, 64),
    "resnet50": ("bottleneck", [3, 4, 6, 3], 1, 64),
    "resnet101": ("bottleneck", [3, 4, 23, 3], 1, 64),
    "resnet152": ("bottleneck", [3, 8, 36, 3], 1, 64),
    "resnext50_32x4d": ("bottleneck", [3, 4, 6, 3], 32, 4),
    "resnext101_32x8d": ("bottleneck", [3, 4, 23, 3], 32, 8),
    "wide_resnet50_2": ("bottleneck", [3, 4, 6, 3], 1, 128),
}


def drawn(model, height, width, seed):
    """Draws all weights and statistics, and returns two images."""
    torch.manual_seed(seed)
    for name, tensor in model.state_dict().items():
        kind = name.rsplit(".", 1)[-1]
        if kind == "num_batches_tracked":
            continue
        if kind == "weight" and tensor.dim() > 1:
            bound = (6 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-bound, bound)
        elif kind in ("weight", "running_var"):
            tensor.uniform_(0.5, 1.5)
        else:
            tensor.uniform_(-0.25, 0.25)
    return torch.empty(2, 3, height, width).uniform_(-1, 1)


def answer(model, images):
    """What the model answers in float64."""
    with torch.no_grad():
        return model.double().eval()(images.double())
