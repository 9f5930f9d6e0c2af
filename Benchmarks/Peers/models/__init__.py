"""The models by name."""

from models.model import Model
from models.notebook import Notebook
from models.resnet import ResNet

MODELS: dict[str, Model] = {
    model.name: model
    for model in [
        Notebook(),
        ResNet("resnet18", [2, 2, 2, 2], bottleneck=False),
        ResNet("resnet34", [3, 4, 6, 3], bottleneck=False),
        ResNet("resnet50", [3, 4, 6, 3], bottleneck=True),
        ResNet("resnext50_32x4d", [3, 4, 6, 3], bottleneck=True, groups=32, base_width=4),
        ResNet("wide_resnet50_2", [3, 4, 6, 3], bottleneck=True, base_width=128),
    ]
}
