"""Every scene, background and regulariser of the configuration trains."""

import jax
import numpy as np
import pytest

from sdjax.config.loading import load_config
from sdjax.runs import build, build_prior, loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from tests import tiny
from tests.small_runs import images_config, objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")
ONE_STAGE = {"steps": (2,), "resolution": (8,), "grid": (6,)}
COMMON = {
    "blob_scale": 3.0,
    "blob_radius": 0.6,
    "radius": 1.0,
    "samples": 4,
    "proposals": 4,
    "chunk": None,
    "normal_step": None,
    "shading": {"name": "albedo"},
}
HASH_GRID = {"name": "hash_grid", "levels": 2, "log2_table_size": 6, "progressive": (1, 1, 1)}
NETWORK = {"name": "mlp", "width": 8, "layers": 1}
LOSSES = ("orientation", "sparsity", "opaque", "convexity", "z_variance", "normal_smoothness")


def config_of(scene, background, losses=0.0):
    table = objects_config().to_dict()
    table |= {
        "stages": ONE_STAGE,
        "scene": COMMON | scene | {"background": background},
        "losses": {"guidance": 1.0} | dict.fromkeys(LOSSES, losses),
    }
    return load_config(table)


def train(config, folder):
    """The particles before and after, and the logged losses."""
    run, seen = open_run(config), []
    recipe = build.make_recipe(config, run.prior, run.stages[0])
    before = jax.vmap(lambda seed: recipe.scene.init(jax.random.split(jax.random.key(seed), 3)[0]))
    with Checkpoints(folder) as checkpoints:
        after = loop.train(run, checkpoints, on_chunk=seen.append).params
    return recipe.scene, before(run.seeds), after, seen[-1].losses


def assert_all_moved(before, after):
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert np.isfinite(new).all() and (old.size == 0 or np.any(np.asarray(new) != old))


def test_a_hash_grid_before_a_learned_background_with_all_regularisers(tmp_path):
    config = config_of(HASH_GRID, "learned", losses=0.1)
    scene, before, after, losses = train(config, tmp_path)
    assert isinstance(scene.field, HashGrid) and scene.normals
    assert set(losses) == {"guidance", *LOSSES}
    assert all(np.isfinite(values).all() for values in losses.values())
    assert all(np.any(values) for values in losses.values())
    assert_all_moved(before, after)


def test_a_network_before_a_random_background(tmp_path):
    scene, before, after, losses = train(config_of(NETWORK, "random"), tmp_path)
    assert isinstance(scene.field, MLP) and not scene.normals
    assert set(losses) == {"guidance"}
    assert_all_moved(before, after)


@pytest.mark.parametrize(("scale", "objects"), [(1.0, 8), (7.5, 64)])
def test_the_prior_holds_other_objects_only_for_a_guidance_scale(monkeypatch, scale, objects):
    held = []
    record = lambda found, *rest, **options: held.extend(found) or tiny.PRIOR  # noqa: E731
    monkeypatch.setattr(build_prior, "build", record)
    build_prior.make_prior(images_config(**{"rule.ode_guidance_scale": scale}), 16)
    assert len(held) == objects


def test_the_stages_follow_each_other():
    first, second = build.stages(objects_config())
    assert first == build.Stage(0, 6, 8, 6) and second == build.Stage(6, 10, 16, 8)
    recipe = build.make_recipe(objects_config(), tiny.PRIOR, first)
    assert (recipe.resolution, recipe.noise_resolution, recipe.total_steps) == (8, 16, 10)


def test_the_learning_rate_falls_along_half_a_cosine():
    config = objects_config(**{"optimizer.learning_rate": 0.2, "optimizer.final": 0.1})
    rate = build.make_learning_rate(config)
    np.testing.assert_allclose([rate(0.0), rate(0.5), rate(1.0)], [0.2, 0.11, 0.02], rtol=1e-6)
