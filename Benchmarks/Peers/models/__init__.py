"""The models by name."""

from models.model import Model
from models.notebook import Notebook

MODELS: dict[str, Model] = {model.name: model for model in [Notebook()]}
