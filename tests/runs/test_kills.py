"""A run that is killed, again and again, ends bit for bit as one that is not."""

import random
import time

import pytest

from tests.reference import FOLDER
from tests.runs.commands import SMALL, ended, started

TINY = FOLDER / "tiny" / "sd1_tiny"
FLAT = SMALL | {"run.checkpoint_every": 8}
ON_A_NETWORK = {
    "prior.weights": TINY,
    "prior.image_size": 16,
    "prior.dtype": "float32",
    "rule.name": "vsd",
    "rule.lora_rank": 2,
    "stages.steps": 120,
}
SMALL_PRIOR = {
    "resolution": 8,
    "data.nouns": "mug",
    "data.pictures": 20,
    "model.autoencoder.channels": "4,8",
    "model.autoencoder.groups": 2,
    "model.autoencoder.latent_channels": 2,
    "model.text.width": 8,
    "model.text.layers": 1,
    "model.text.heads": 1,
    "model.text.tokens": 14,
    "model.unet.channels": 8,
    "model.unet.heads": 1,
    "model.unet.groups": 4,
    "model.unet.attention": True,
    "autoencoder.steps": 300,
    "autoencoder.batch": 8,
    "diffusion.steps": 300,
    "diffusion.batch": 8,
    "run.chunk": 5,
    "run.checkpoint_every": 20,
    "save_dtype": "float32",
    "report.prompts": "a red mug",
    "report.seeds": 1,
    "report.steps": 2,
    "report.held_out": 8,
}
RUNS = {
    "dsd": ("train", "embedded_2d:dsd", FLAT, ("views.npz",)),
    "vsd": ("train", "stable_diffusion_2d:sds", FLAT | ON_A_NETWORK, ("views.npz",)),
    "train_prior": (
        "train_prior",
        "train_prior",
        SMALL_PRIOR,
        ("model/unet/diffusion_pytorch_model.safetensors", "model/text_encoder/model.safetensors"),
    ),
}


def start(name, folder, cache):
    *what, fields, _ = RUNS[name]
    return started(*what, folder, fields, {"JAX_COMPILATION_CACHE_DIR": str(cache)})


def finish(process):
    code, told = ended(process, within=600)
    assert code == 0, told


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        pytest.param("dsd", 2, marks=pytest.mark.slow),
        pytest.param("dsd", 9, marks=pytest.mark.long),
        pytest.param("vsd", 8, marks=pytest.mark.long),
        pytest.param("train_prior", 8, marks=pytest.mark.long),
    ],
)
def test_kills_at_random_points_change_nothing(name, kills, tmp_path):
    cache, random_ = tmp_path / "cache", random.Random(kills)
    finish(start(name, tmp_path / "first", cache))  # compiles for the others
    begun = time.monotonic()
    finish(start(name, tmp_path / "whole", cache))
    duration = time.monotonic() - begun
    for _ in range(kills):
        process = start(name, tmp_path / "killed", cache)
        time.sleep(random_.uniform(0.3, 0.9) * duration)
        process.kill()
        process.communicate()
    finish(start(name, tmp_path / "killed", cache))
    for file in RUNS[name][3]:
        whole = (tmp_path / "whole" / file).read_bytes()
        assert (tmp_path / "killed" / file).read_bytes() == whole
        assert (tmp_path / "first" / file).read_bytes() == whole
