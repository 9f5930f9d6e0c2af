"""The engines by name, in the table's order; ours is the one that all others are compared with."""

from engines.engine import Engine
from engines.mnn import MNN
from engines.ncnn import NCNN
from engines.onnxruntime import ONNXRuntime
from engines.openvino import OpenVINO
from engines.pytorch import PyTorch
from engines.resnet_engine import ResNetEngine

OURS = ResNetEngine()
ENGINES: dict[str, Engine] = {
    engine.name: engine for engine in [OURS, NCNN(), MNN(), ONNXRuntime(), OpenVINO(), PyTorch()]
}
