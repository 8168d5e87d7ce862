"""Runs of 2D particles: small enough to be repeated on every number of devices."""

import jax
import jax.numpy as jnp
import optax

from sdjax.diffusion.annealing import uniform
from sdjax.rules.vsd.adapter import Adapter
from sdjax.rules.vsd.learned import vsd
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config

SMALL = {
    "scene": {"name": "image", "spread": 0.0, "start": "spread"},
    "annealing": {"name": "uniform"},
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "rule.guidance_scale": 1.0,
    "stages": {"steps": (4,), "resolution": (8,), "grid": (2,)},
    "run": {"chunk": 2, "checkpoint_every": 2},
}


def pictures(**overrides):
    """The config of SDS in 2D, small."""
    return load_config(load_config("embedded_2d:sds", SMALL), overrides)


def sharing(**overrides):
    """The config of a rule that shares something, small; `learning` takes its place."""
    return pictures(**{"rule.name": "exact_vsd"} | overrides)


def learning(config, prior, resolution):
    """In place of the config's rule: VSD with a network that is quickly compiled.

    Its gradients are rounded, so that their sum is exact in every order.
    """
    rule = vsd(
        prior.schedule,
        guidance_scale=2.0,
        annealing=uniform(),
        adapter=Adapter(lambda key: {"bias": jax.random.normal(key, (1, 1, 1, 3))}, _predict),
        optimizer=optax.adam(0.01),
    )

    def learn(*arguments, view):
        learned = rule.learn(*arguments, view=view)
        coarse = jax.tree.map(lambda leaf: jnp.round(256.0 * leaf) / 256.0, learned.gradient)
        return learned._replace(gradient=coarse)

    return rule._replace(learn=learn)


def stored(config, folder):
    """Steps done and particles in the newest checkpoint."""
    with Checkpoints(folder) as checkpoints:
        return loop.restore(open_run(config), checkpoints)


def _predict(params, predictor, x_t, t, cameras):
    return [predictor(x_t, t, 1.0) + params["bias"] + 0.0 * camera.sum() for camera in cameras]
