"""Runs made so small that they take seconds, and two that all tests may look at."""

import contextlib
from pathlib import Path

import jax

from sdjax.runs.schema import load_config
from sdjax.train import train

CONFIGS = Path(__file__).parents[1] / "configs"
SEEDS = (3, 4)  # of the objects
OBJECTS = {
    "seeds": 2,
    "first_seed": 3,
    "stages": {"steps": (6, 4), "resolution": (8, 16), "grid": (6, 8)},
    "prior.cameras": 3,
    "scene": {"samples": 4, "proposals": 4, "blob_scale": 12.0},
    "run": {"devices": 1, "chunk": 2, "checkpoint_every": 2},
    "report": {
        "views": 3,
        "frames": 3,
        "turntable_resolution": 16,
        "turntable_format": "gif",
        "mesh_resolution": 12,
    },
}
IMAGES = {
    "seeds": 9,
    "stages": {"steps": (4,), "resolution": (16,)},
    "scene": {"name": "image", "spread": 0.0, "start": "spread"},
    "rule": {"guidance_scale": 1.0, "base_guidance_scale": 1.0, "ode_guidance_scale": 1.0},
    "run": {"devices": 1, "chunk": 2},
}
SAMPLED = {"seeds": 3, "resolution": 8, "steps": 5, "guidance_scale": 1.0}
EXPORTED = {"film": "gif", "frames": 3, "resolution": 16, "mesh_resolution": 12}  # as OBJECTS


def objects_config(**overrides):
    """The demo's configuration, small."""
    return load_config(load_config("demo", OBJECTS), overrides)


def images_config(**overrides):
    """That of DSD in 2D, small."""
    return load_config(load_config("embedded_2d:dsd", IMAGES), overrides)


def run_objects(workdir):
    """The run that the fixture `objects_run` has finished."""
    return train(objects_config(), workdir)


def run_images(workdir):
    """The run that the fixture `images_run` has finished."""
    return train(images_config(), workdir)


@contextlib.contextmanager
def wholly_compiled():
    """As a user's runs are: with all of XLA's optimisations."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def contents(folder):
    """Every file under a folder with its bytes."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
