#!/usr/bin/env python3
"""Makes resnet/ beside this script: python make_resnet_fixtures.py

Needs torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 safetensors==0.8.0.

resnet/outputs.safetensors   what PyTorch answers in float64, for networks with few channels: FRAME.BLOCK.CHANNELS.HEIGHTxWIDTH.SEED.
                             Weights, statistics and images are not stored: they are drawn by `uniform_` after
                             `manual_seed`, tensor by tensor in the order of the state_dict, images last
resnet/seed0.safetensors     the first elements of some weights of torchvision's resnet18 after manual_seed(0)
resnet/NAME.txt              names and shapes of the state_dict of torchvision's network of that name
"""

import pathlib

import torch
import torchvision
from resnet_networks import BLOCKS, PRESETS, Frame, NotebookFrame, answer, drawn
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent / "resnet"


def described(state):
    return "".join(f"{name} {list(tensor.shape)}\n" for name, tensor in state.items())


def main():
    HERE.mkdir(exist_ok=True)
    for name, (block, blocks, groups, base) in PRESETS.items():
        theirs = getattr(torchvision.models, name)().state_dict()
        ours = Frame(BLOCKS[block], blocks, 64, 1000, groups, base).state_dict()
        assert described(theirs) == described(ours), name
    for name in ("resnet18", "resnext50_32x4d"):
        (HERE / f"{name}.txt").write_text(described(getattr(torchvision.models, name)().state_dict()))

    outputs = {}
    for name, channels in (("resnet18", 12), ("resnet34", 8), ("resnet50", 12), ("resnext50_32x4d", 16),
                           ("wide_resnet50_2", 8)):
        block, blocks, groups, base = PRESETS[name]
        for height, width in ((224, 224), (97, 61)):
            model = Frame(BLOCKS[block], blocks, channels, 10, groups, base)
            outputs[f"{name}.{block}.{channels}.{height}x{width}.1"] = answer(model, drawn(model, height, width, 1))
    for name, block in BLOCKS.items():
        model = NotebookFrame(block, 12, 17, 13, 10)
        outputs[f"notebook.{name}.12.17x13.2"] = answer(model, drawn(model, 17, 13, 2))
        if name not in ("basic", "bottleneck"):
            for height, width in ((224, 224), (97, 61)):
                model = Frame(block, PRESETS["resnet18"][1], 8, 10)
                outputs[f"resnet18.{name}.8.{height}x{width}.3"] = answer(model, drawn(model, height, width, 3))
    save_file({name: tensor.contiguous() for name, tensor in outputs.items()}, HERE / "outputs.safetensors")

    torch.manual_seed(0)
    state = torchvision.models.resnet18().state_dict()
    names = ("conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.conv2.weight",
             "fc.weight", "fc.bias")
    save_file({name: state[name].flatten()[:40].clone() for name in names}, HERE / "seed0.safetensors")


if __name__ == "__main__":
    main()
