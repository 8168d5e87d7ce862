"""The scene that a config asks for."""

from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from sdjax.runs.build_schedules import total_steps
from sdjax.scene import background
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from sdjax.scene.image import Image
from sdjax.scene.latents import Latents
from sdjax.scene.nerf import NeRF
from sdjax.scene.shading import PointLight

Scene = NeRF | Image | Latents


def make_scene(config: ConfigDict, stage: Any, latent_shape: tuple[int, int, int]) -> Scene:
    """The image itself or its latents in 2D, a radiance field in 3D."""
    scene, losses = config.scene, config.losses
    if scene.name == "image":
        size = max(config.stages.resolution)
        return Image(height=size, width=size, spread=scene.spread)
    if scene.name == "latents":
        height, width, channels = latent_shape
        return Latents(height=height, width=width, channels=channels, spread=scene.spread)
    with_normals = any(losses[name] for name in ("orientation", "convexity", "normal_smoothness"))
    steps = total_steps(config)
    return NeRF(
        field=make_field(scene, stage, steps),
        background=make_background(scene),
        samples=scene.samples,
        proposals=scene.proposals,
        normals=with_normals,
        normal_step=scene.normal_step,
        shading=make_shading(scene.shading, steps),
        chunk=scene.chunk,
    )


def make_field(scene: ConfigDict, stage: Any, steps: int) -> DenseGrid | HashGrid | MLP:
    """The field of a radiance field, in the resolution of the stage."""
    common = {name: scene[name] for name in ("blob_scale", "blob_radius", "radius")}
    makers: dict[str, Callable[[], Any]] = {
        "dense_grid": lambda: DenseGrid(resolution=stage.grid, **common),
        "hash_grid": lambda: HashGrid(
            levels=scene.levels,
            log2_table_size=scene.log2_table_size,
            progressive=make_progressive(scene.progressive, steps),
            **common,
        ),
        "mlp": lambda: MLP(width=scene.width, layers=scene.layers, **common),
    }
    return makers[scene.name]()


def make_progressive(table: tuple | None, steps: int) -> tuple[int, float, float] | None:
    """(first level, step of the next, steps between) in fractions of the run."""
    if table is None:
        return None
    level, start, every = table
    return level, start / steps, every / steps


def make_shading(table: ConfigDict, steps: int) -> PointLight | None:
    """The light of training, from its step on."""
    if table.name == "albedo":
        return None
    return PointLight(
        start=table.start / steps,
        probability=table.probability,
        textureless=table.textureless,
    )


def make_background(scene: ConfigDict) -> background.Background:
    """What is behind the object; "random" is learned, but random half of the time."""
    makers = {
        "white": background.Solid,
        "learned": background.Learned,
        "random": lambda: background.Random(background.Learned()),
    }
    return makers[scene.background]()
