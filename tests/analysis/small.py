"""What the tests of analyses share: a recipe of latents on the prior of `tests.tiny`."""

import jax
import optax

from sdjax.diffusion.annealing import linear
from sdjax.rules.fsd import fsd
from sdjax.runs.particle import CameraRange, Recipe
from sdjax.scene.latents import Latents
from tests import tiny

ONE_CAMERA = tiny.PRIOR.replace(
    bank=tiny.PRIOR.bank[:, :1], cameras=jax.tree.map(lambda leaf: leaf[:1], tiny.PRIOR.cameras)
)
MIRRORED = ONE_CAMERA.mirrored()
STEPS = 12


def fsd_of(prior, annealing=None):
    """FSD that falls quickly."""
    annealing = linear(0.98, 0.02) if annealing is None else annealing
    return fsd(prior.schedule, guidance_scale=1.0, annealing=annealing)


def recipe(make_rule=fsd_of):
    """A run of 12 plain steps on latents that start at zero."""
    return Recipe(
        scene=Latents(*tiny.SHAPE, spread=0.0),
        make_rule=make_rule,
        optimizer=optax.identity(),
        learning_rate=lambda progress: 0.3,
        guidance_weight=1.0,
        losses=(),
        cameras=CameraRange((20.0, 20.0), (3.2, 3.2), (40.0, 40.0), 0.0, 0.0, 0.0, 0.0),
        views=1,
        resolution=tiny.SIZE,
        noise_resolution=tiny.SIZE,
        total_steps=STEPS,
    )
