"""A PyTorch model as ours, through the files that it saves."""

from pathlib import Path
from typing import Any

from sdjax.networks.parameters import parameter_shapes
from sdjax.weights.load import load_params
from tests.networks.components import network


def converted(torch_model, component: str, fields: dict[str, Any], folder: Path):
    """Our network of the same configuration, and the model's parameters."""
    torch_model.save_pretrained(folder)
    model = network(component, fields)
    return model, load_params(parameter_shapes(model), folder)
