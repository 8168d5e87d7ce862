"""Every rule on a prior that sees the views of a scene at once, and can see them only so.

The network here refuses a batch that does not fill scenes, gives no number where the views of a
scene have different timesteps, and mixes the views of each scene.
"""

import functools
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import scaled_linear
from sdjax.rules import RULES
from sdjax.rules.contract import Update, View
from sdjax.rules.view_bins import rig_bins
from sdjax.rules.vsd.camera_features import camera_matrix
from tests import tiny
from tests.reference import toy_prediction
from tests.rules.rules_table import ENTRIES, Entry, make

TOGETHER, ELEVATION = 4, (-10.0, 45.0)
BINS = rig_bins(6, ELEVATION, TOGETHER)
every_rule = pytest.mark.parametrize("name", ENTRIES)


def joint_prediction(x, t, embedding):
    """The recordings' toy network at each view mixed with its scene's next one and its mean."""
    assert len(x) % TOGETHER == 0, f"{len(x)} views do not fill scenes"
    scenes = x.reshape(-1, TOGETHER, *x.shape[1:])
    mean = jnp.mean(scenes, axis=1, keepdims=True)
    mixed = 0.5 * scenes + 0.3 * jnp.roll(scenes, -1, axis=1) + 0.2 * mean
    steps = jnp.broadcast_to(t, len(x)).reshape(-1, TOGETHER)
    is_one = jnp.all(steps == steps[:, :1], axis=1).reshape(-1, 1, 1, 1, 1)
    mixed = jnp.where(is_one, mixed, jnp.nan)
    return toy_prediction(mixed.reshape(x.shape), jnp.asarray(t, x.dtype), embedding)


def predictor_at(camera: Camera) -> NetworkPredictor:
    """It reads the cameras, but without a prompt."""
    seen = camera_matrix(camera._replace(distance=jnp.ones_like(camera.distance)))
    seen = seen.astype(camera.azimuth.dtype)
    return NetworkPredictor(joint_prediction, Branches(seen, 0.2 + 0.0 * seen, null=0.1 * seen))


PRIOR = SimpleNamespace(
    schedule=scaled_linear(),
    views_together=TOGETHER,
    latent_shape=lambda resolution: tiny.SHAPE,
    view_bins=lambda number, *elevation: BINS,
    camera_bins=lambda number, elevation: BINS,
)


def rigs(*starts: float) -> Camera:
    """A rig for each start, all at their own elevation."""
    azimuth = np.add.outer(starts, 360.0 / TOGETHER * np.arange(TOGETHER)).ravel()
    elevation = np.repeat(10.0 * np.arange(len(starts)), TOGETHER)
    columns = azimuth, elevation, np.full_like(azimuth, 3.2), np.full_like(azimuth, 40.0)
    return Camera(*(jnp.asarray(column, jnp.float32) for column in columns))


def view_at(camera: Camera) -> View:
    """All of each picture is surface, half way to the origin."""
    opacity = jnp.ones((len(camera.azimuth), *tiny.SHAPE[:2], 1))
    return View(camera, opacity, 1.6 * opacity)


def scenes_of(entry: Entry) -> int:
    """A rule for one image leads one scene here."""
    return 1 if entry.views == 1 else 2


def first_update(entry: Entry, camera: Camera, latents: jax.Array) -> Update:
    """After init and prepare."""
    rule = make(entry, PRIOR, len(latents))
    state = rule.prepare(rule.init(jax.random.key(0), tiny.SHAPE), predictor_at)
    progress, key = jnp.asarray(entry.t / 1000, latents.dtype), jax.random.key(1)
    return rule.update(
        key, latents, state, predictor_at(camera), progress=progress, view=view_at(camera)
    )


def drawn(views: int, seed: int = 0) -> jax.Array:
    latents = np.random.default_rng(seed).uniform(-1.0, 1.0, (views, *tiny.SHAPE))
    return jnp.asarray(latents, jnp.float32)


@every_rule
def test_one_scene(name):
    entry, latents = ENTRIES[name], drawn(TOGETHER)
    found = jax.eval_shape(functools.partial(first_update, entry), rigs(20.0), latents)
    assert found.gradient.shape == found.aux.predicted_x0.shape == latents.shape


def without_draws_of_views(entry: Entry) -> Entry:
    """With noise that is one for all views, or read from their cameras, and no norm of all."""
    noise = dict(entry.noise)
    if RULES[entry.rule].noise in ("gaussian", "offset") and not noise:
        noise = {"name": "fixed"}
    noise.pop("beta", None)
    fields = {key: value for key, value in entry.fields.items() if key != "eta"}
    if entry.rule == "sdi" and fields.get("noise") != "cached":
        fields["inversion_eta"] = 0.0
    return entry._replace(noise=noise, fields=fields, rescalings=())


def exchanged(tree: Any) -> Any:
    """The second scene first."""
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf[TOGETHER:], leaf[:TOGETHER]]), tree)


OF_SCENES = [name for name in ENTRIES if scenes_of(ENTRIES[name]) == 2 and name != "dsd random"]


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_SCENES)
def test_two_scenes_do_not_see_each_other(name):
    """Exchanged, their gradients are; and neither changes with the other."""
    entry = without_draws_of_views(ENTRIES[name])
    camera, latents = rigs(20.0, 145.0), drawn(2 * TOGETHER)
    update = tiny.jit(functools.partial(first_update, entry))
    found = update(camera, latents).gradient
    assert jnp.isfinite(found).all()
    bound = entry.tolerance * np.abs(found).max()
    other = update(exchanged(camera), exchanged(latents)).gradient
    np.testing.assert_allclose(exchanged(other), found, rtol=0, atol=bound)
    alone = update(camera, latents.at[TOGETHER:].set(0.3)).gradient
    np.testing.assert_allclose(alone[:TOGETHER], found[:TOGETHER], rtol=0, atol=bound)
