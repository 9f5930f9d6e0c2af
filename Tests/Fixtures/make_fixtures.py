#!/usr/bin/env python3
"""Makes the golden files beside this script: python make_fixtures.py

Needs torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 (torch 2.15.0 makes the same bytes; so should others but
for the last bits).

notebook/NAME/   the notebook's network with another geometry, weights and batch-norm statistics as in a
                 trained net, one input and what PyTorch answers in both modes, in float32 and float64
generator/       what PyTorch's CPU generator draws: default initialisation, uniform_ and randn
formats/         files as the safetensors and numpy libraries write them, of every element type that is read
summary-notebook.txt   print(model) of the notebook's own network, in the form of the PyTorch that the notebook
                 used: later ones also print the `bias` of a batch norm
"""

import copy
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent


class ResidualBlock(nn.Module):
    def __init__(self, input_channels, output_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, output_channels, kernel_size=3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(output_channels, output_channels, kernel_size=3, stride=1, padding=1)
        self.conv3 = nn.Conv2d(input_channels, output_channels, kernel_size=1, stride=1, padding=0)
        self.bn = nn.BatchNorm2d(output_channels)
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.relu(self.bn(self.conv1(x)))
        y = self.bn(self.conv2(y))
        return y + self.bn(self.conv3(x))


class ResNet(nn.Module):
    def __init__(self, block, blocks=3, input_channels=3, channels=64, size=28, classes=10):
        super().__init__()
        self.features = size * size * channels
        self.layer_out = nn.Linear(self.features, classes)
        self.make_layer = self._make_layer(block, blocks, input_channels, channels)

    @staticmethod
    def _make_layer(block, blocks, input_channels, channels):
        inputs = [input_channels] + [channels] * (blocks - 1)
        return nn.Sequential(*(block(count, channels) for count in inputs))

    def forward(self, x):
        return self.layer_out(self.make_layer(x).view(-1, self.features))


def is_buffer(name):
    return name.rsplit(".", 1)[-1] in ("running_mean", "running_var", "num_batches_tracked")


def notebook(name, seed, batch, blocks, input_channels, channels, size, classes):
    folder = HERE / "notebook" / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = ResNet(ResidualBlock, blocks, input_channels, channels, size, classes)
    for i, block in enumerate(model.make_layer):
        nn.init.uniform_(block.bn.weight, 0.5, 1.5)
        nn.init.uniform_(block.bn.bias, -0.4, 0.4)
        nn.init.uniform_(block.bn.running_mean, -0.5, 0.5)
        nn.init.uniform_(block.bn.running_var, 0.3, 2.0)
        block.bn.num_batches_tracked.fill_(1000 + i)
    x = torch.randn(batch, input_channels, size, size)
    save_file(model.state_dict(), folder / "weights.safetensors")
    np.save(folder / "input.npy", x.numpy())
    with torch.no_grad():
        for suffix, net, images in (("", model, x), ("_float64", copy.deepcopy(model).double(), x.double())):
            np.save(folder / f"output_eval{suffix}.npy", net.eval()(images).numpy())
            np.save(folder / f"output_train{suffix}.npy", net.train()(images).numpy())
    buffers = {key: value for key, value in model.state_dict().items() if is_buffer(key)}
    save_file(buffers, folder / "buffers_after_train.safetensors")


def generator(seed):
    tensors = {}
    torch.manual_seed(seed)
    for name, layer in (("conv", nn.Conv2d(3, 8, 3)), ("linear", nn.Linear(20, 4))):
        tensors |= {f"{name}.{key}": value for key, value in layer.state_dict().items()}
    tensors["input"] = torch.randn(2, 3, 4, 4)
    torch.manual_seed(seed)
    tensors["uniform"] = torch.empty(1500).uniform_(-0.3, 1.7)
    for count in [*range(1, 41), 64, 1000]:
        torch.manual_seed(seed)
        tensors[f"randn.{count}"] = torch.randn(count)
    # Fewer than 16 values come in pairs: the second of a pair is kept for the next call of that kind.
    torch.manual_seed(seed)
    tensors["randn.sequence"] = torch.cat([torch.randn(count) for count in (5, 1, 3, 17, 3, 16, 2)])
    folder = HERE / "generator"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / f"seed{seed}.safetensors")


def formats():
    folder = HERE / "formats"
    folder.mkdir(exist_ok=True)
    values = [0.0, -0.0, 1.0, -1.5, 0.1, 65504.0, 6e-8, -6e-5, 1e-40, 1e-45, 3.4e38, 1e300, 5e-324]
    values += [float("inf"), float("-inf"), float("nan")]
    floats = {
        name: torch.tensor(values, dtype=torch.float64).to(dtype).reshape(2, 8)
        for name, dtype in (("f64", torch.float64), ("f32", torch.float32), ("f16", torch.float16),
                            ("bf16", torch.bfloat16))
    }
    integers = {
        str(dtype).removeprefix("torch."): torch.tensor(
            [torch.iinfo(dtype).min, torch.iinfo(dtype).max, 5], dtype=dtype)
        for dtype in (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32)
    }
    integers["bool"] = torch.tensor([False, True, True])
    save_file(floats | integers, folder / "types.safetensors", metadata={"quote\"": "\n é 🙂"})
    save_file({key: value.float() for key, value in floats.items()}
              | {key: value.long() for key, value in integers.items()}, folder / "types-widened.safetensors")
    names = ["plain", "quote\"", "back\\slash", "tab\t", "line\n", "bell\x07", "é", "日本", "🙂", "Z", "", "a/b", "\x7f"]
    tensors = {name: torch.full((i % 3, 2), float(i)) for i, name in enumerate(names)}
    tensors |= {"count": torch.tensor(3), "counts": torch.arange(4).reshape(2, 2)}
    save_file(tensors, folder / "names.safetensors")
    save_file({}, folder / "empty.safetensors")
    for version in ((1, 0), (2, 0), (3, 0)):
        for dtype in (np.float32, np.float64, np.uint8):
            array = np.arange(24).astype(dtype).reshape(4, 3, 2)
            array[1] *= 3 if dtype == np.uint8 else dtype(0.1)
            with open(folder / f"v{version[0]}-{np.dtype(dtype).name}.npy", "wb") as file:
                np.lib.format.write_array(file, array, version=version)
    for name, shape in (("scalar", ()), ("vector", (5,)), ("none", (0, 10)), ("long", (123456789, 0, 7))):
        np.save(folder / f"{name}.npy", np.zeros(shape, np.float32))


if __name__ == "__main__":
    torch.set_num_threads(1)
    notebook("small", 11, batch=5, blocks=2, input_channels=3, channels=20, size=9, classes=7)
    notebook("odd", 12, batch=3, blocks=1, input_channels=5, channels=33, size=7, classes=3)
    notebook("wide-input", 13, batch=4, blocks=2, input_channels=18, channels=16, size=6, classes=4)
    for seed in (0, 2**32 + 5):
        generator(seed)
    formats()
    summary = str(ResNet(ResidualBlock)).replace("affine=True, bias=True,", "affine=True,")
    (HERE / "summary-notebook.txt").write_text(f"{summary}\n")
