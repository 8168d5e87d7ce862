"""Checkpoints that tests write: with other settings, or of four blocks, as Stable Diffusion has
them, whose weights are drawn, not stored."""

import json
import shutil
from pathlib import Path
from typing import Any

import jax

from sdjax.weights.load import save_params
from tests import reference
from tests.networks.components import network, random_params

FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}


def edit(file: Path, **fields: Any) -> None:
    """Give a file of settings other fields."""
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def write_four_blocks(folder: Path) -> Path:
    """The recorded configs and tokenizer, and random weights of fixed seeds, in the layout of
    diffusers; returns the folder, which must be new."""
    stored = reference.FOLDER / "tiny" / "sd1_4block"
    shutil.copytree(stored, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    for seed, (component, file) in enumerate(FILES.items()):
        model = network(component, json.loads((folder / component / "config.json").read_text()))
        params = random_params(model, seed)
        if component == "vae":  # few pixels of its pictures leave [0, 1]
            last = params["decoder"]["conv_out"]
            params["decoder"]["conv_out"] = jax.tree.map(lambda leaf: 0.3 * leaf, last)
        save_params(params, folder / component, file)
    return folder
