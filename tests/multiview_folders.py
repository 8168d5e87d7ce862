"""Tiny checkpoints of MVDream and Zero-1-to-3, in the layouts that people have them in.

The weights are those of the recordings, random and in half precision; the latents are 8 pixels wide
where a test asks for 32 (MVDream) or 64 (Zero-1-to-3) pixels.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests import reference
from tests.weights.original_layout import first_stage, image_tower, text_tower

WEIGHTS = "diffusion_pytorch_model.safetensors"
TEXT = reference.FOLDER / "tiny" / "sd2_tiny"  # its text is as wide as the UNet's context
MVDREAM = reference.FOLDER / "multiview" / "mvdream" / "mv_sd21_tiny"
ZERO123 = reference.FOLDER / "multiview" / "zero123" / "tiny"
# What the port in the layout of diffusers leaves out of the UNet's fields.
NOT_IN_THE_PORT = ("derived", "legacy", "use_linear_in_transformer", "use_spatial_transformer")


def recorded_cases(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The cases of a file of recordings under multiview/, without what is of no case."""
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(reference.FOLDER / "multiview" / f"{name}.npz") as file:
        for key in file.files:
            case, _, array = key.rpartition("/")
            if case:
                cases.setdefault(case, {})[array] = file[key]
    return cases


def mvdream_folder(path: Path) -> Path:
    """MVDream as in the port to diffusers: its UNet under the original names; returns `path`, which
    must be new."""
    for component in ("vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.copytree(TEXT / component, path / component)
    shutil.copy(ZERO123 / "scheduler_config.json", path / "scheduler")  # epsilon, as MVDream's
    (path / "unet").mkdir()
    shutil.copy(MVDREAM / "model.safetensors", path / "unet" / WEIGHTS)
    fields = {k: v for k, v in _json(MVDREAM / "config.json").items() if k not in NOT_IN_THE_PORT}
    _write(path / "unet" / "config.json", {"_class_name": "MultiViewUNetModel", **fields})
    index = {**_json(TEXT / "model_index.json"), "unet": ["mv_unet", "MultiViewUNetModel"]}
    _write(path / "model_index.json", {**index, "_class_name": "MVDreamPipeline"})
    return path


def mvdream_file(path: Path) -> Path:
    """MVDream's original checkpoint as safetensors at `path`, and a .json beside it."""
    parts = {
        "model.diffusion_model": load_file(MVDREAM / "model.safetensors"),
        "first_stage_model": first_stage(load_file(TEXT / "vae" / WEIGHTS)),
        "cond_stage_model.model": text_tower(
            load_file(TEXT / "text_encoder" / "model.safetensors")
        ),
    }
    fields = {
        "unet_config": _json(MVDREAM / "config.json"),
        "vae": _json(TEXT / "vae" / "config.json"),
        "text_encoder": _json(TEXT / "text_encoder" / "config.json"),
    }
    return _single_file(path, parts, fields)


def zero123_folder(path: Path, stable: bool = False) -> Path:
    """Zero-1-to-3 in the layout of diffusers, as zero123-hf has it, or Stable Zero123 as
    threestudio has it: the projection is in another folder under another name; returns `path`,
    which must be new."""
    folder, layer, kind = "cc_projection", "projection", "CCProjection"
    if stable:
        folder, layer, kind = "clip_camera_projection", "proj", "CLIPCameraProjection"
    for component in ("unet", "vae", "image_encoder"):
        ours = shutil.ignore_patterns("ldm_*.json")
        shutil.copytree(ZERO123 / component, path / component, ignore=ours)
    for component in (folder, "scheduler"):
        (path / component).mkdir()
    shutil.copy(ZERO123 / "scheduler_config.json", path / "scheduler")
    tensors = {f"{layer}.{name}": array for name, array in _projection().items()}
    save_file(tensors, path / folder / WEIGHTS, metadata={"format": "pt"})
    _write(path / folder / "config.json", {"_class_name": kind, **_sizes(stable)})
    index = {
        "_class_name": "Zero1to3StableDiffusionPipeline",
        folder: ["pipeline_zero1to3", kind],
        "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    _write(path / "model_index.json", index)
    return path


def zero123_file(path: Path) -> Path:
    """Zero-1-to-3's original checkpoint as safetensors at `path`, and a .json beside it."""
    names = _json(ZERO123 / "unet" / "ldm_to_diffusers_names.json")
    unet = load_file(ZERO123 / "unet" / WEIGHTS)
    prefix = "model.diffusion_model"
    parts = {
        prefix: {ldm.removeprefix(f"{prefix}."): unet[name] for ldm, name in names.items()},
        "first_stage_model": first_stage(load_file(ZERO123 / "vae" / WEIGHTS)),
        "cond_stage_model.model.visual": image_tower(
            load_file(ZERO123 / "image_encoder" / "model.safetensors")
        ),
        "cc_projection": _projection(),
    }
    fields = {
        "unet_config": {"params": _json(ZERO123 / "unet" / "ldm_config.json")},
        "vae": _json(ZERO123 / "vae" / "config.json"),
        "image_encoder": _json(ZERO123 / "image_encoder" / "config.json"),
    }
    return _single_file(path, parts, fields)


def _single_file(path: Path, parts: dict[str, dict[str, np.ndarray]], fields: dict) -> Path:
    tensors = {f"{start}.{name}": part[name] for start, part in parts.items() for name in part}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**tensors, **_buffers()}, path, metadata={"format": "pt"})
    _write(path.with_suffix(".json"), fields)
    return path


def _buffers() -> dict[str, np.ndarray]:
    """What a checkpoint has beside parameters."""
    table = reference.recorded_table()
    return {
        "alphas_cumprod": table,
        "logvar": np.zeros_like(table),
        "model_ema.decay": np.full((1,), 0.9999, np.float32),
        "model_ema.num_updates": np.ones((1,), np.int32),
    }


def _projection() -> dict[str, np.ndarray]:
    return load_file(ZERO123 / "cc_projection" / "model.safetensors")


def _sizes(stable: bool) -> dict[str, int]:
    """What the two code bases write of the projection."""
    outputs, inputs = _projection()["weight"].shape
    if stable:
        return {"embedding_dim": outputs, "additional_embeddings": inputs - outputs}
    return {"in_channel": inputs, "out_channel": outputs}


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def _write(file: Path, fields: dict[str, Any]) -> None:
    file.write_text(json.dumps(fields))
