"""DDIM samples of a prior, one per seed: what 2D particles with the same noise are compared to."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.config.fields import fields_of, fraction, number, one_of, optional, several, text, whole
from sdjax.diffusion.ddim import GRIDS, ddim_sample
from sdjax.priors import PRIOR
from sdjax.priors.prior import Prior
from sdjax.runs.mapping import each_particle, over_particles
from sdjax.runs.particle import particle_noise
from sdjax.runs.placement import Placement
from sdjax.runs.processes import PROCESSES


class Sampling(NamedTuple):
    """How `ddim_sample` is called."""

    guidance_scale: float | int = 1.0
    steps: int = 50
    spacing: str | None = "trailing"  # None: the prior's own
    eta: float | int = 0.0

    def of(self, prior: Prior) -> "Sampling":
        """With the spacing of the prior, unless it has one."""
        return self._replace(spacing=self.spacing or prior.timestep_spacing)


DDIM = fields_of(
    Sampling,
    guidance_scale=number().says("s of uncond + s (cond - uncond)"),
    steps=whole(at_least=1, at_most=1000).says("of DDIM"),
    spacing=optional(one_of(*GRIDS)).says(
        "of the timesteps, as diffusers names it; None: the prior's"
    ),
)
CAMERA = {
    "azimuths": several(number()).of((0.0,), "of the views, degrees"),
    "elevation": number(at_least=-90, at_most=90).of(15.0, "degrees"),
    "distance": number(above=1).of(3.2, "from the origin, world units"),
    "fovy": number(above=0, at_most=179).of(40.0, "vertical field of view, degrees"),
}
DEVICES = whole(at_least=0).of(
    1, "how many; 0: as many as the seeds reach; several processes use all they have"
)
SCHEMA = {
    "prompt": text().of("a chair", "what to draw"),
    "seeds": whole(at_least=1).of(16, "pictures"),
    "first_seed": whole(at_least=0).of(0, "the others follow it"),
    "resolution": whole(at_least=1).of(64, "pixels along an edge"),
    **DDIM,
    "eta": fraction().of(Sampling().eta, "noise of a step: 0 is DDIM, 1 DDPM"),
    "prior": PRIOR,
    "camera": CAMERA,
    "run": {"devices": DEVICES, **PROCESSES},
}


def view_cameras(table: Any) -> Camera:
    """The cameras of a table of `CAMERA`, one per azimuth."""
    same = (table.elevation, table.distance, table.fovy)
    views = len(table.azimuths)
    azimuths = jnp.asarray(table.azimuths, jnp.float32)
    return Camera(azimuths, *(jnp.full(views, value) for value in same))


def sample_seeds(
    prior: Prior,
    conditioning: Any,
    cameras: Camera,
    seeds: Int[Array, "particles"],
    resolution: int,
    sampling: Sampling,
    mapped: Callable[[Callable, int], Callable] = over_particles,
) -> Float[np.ndarray, "particles views h w 3"]:
    """Images in [0, 1] of `resolution` pixels, from all `cameras` [views].

    Seed k starts from `particle_noise(k)`, the noise that a rule with one fixed noise gives to
    its particle; all its views start from the same, but for a prior that draws several views
    together, which is trained on noise of their own.  `mapped` is as `over_particles`.
    """

    def one(prior, conditioning, cameras, seed):
        return sample_seed(prior, conditioning, cameras, seed, resolution, sampling)

    return np.asarray(mapped(one, 3)(prior, conditioning, cameras, seeds))


def over_devices(placement: Placement) -> Callable[[Callable, int], Callable]:
    """`over_particles` on the devices of a placement, of several processes too: each draws its
    own, and all have to call it and get all images."""

    def mapped(function: Callable, shared: int) -> Callable:
        compiled = each_particle(function, placement)

        def run(*arguments):
            *own, last = placement.spread(arguments[shared:])
            return placement.gathered(
                compiled(placement.place(arguments[:shared]), tuple(own), last)
            )

        return run

    return mapped


def sample_seed(
    prior: Prior,
    conditioning: Any,
    cameras: Camera,
    seed: Int[Array, ""],
    resolution: int,
    sampling: Sampling,
) -> Float[Array, "views h w 3"]:
    """The images of one seed, as `sample_seeds` has them."""
    views, shape = len(cameras.azimuth), prior.latent_shape(resolution)
    if prior.views_together > 1:
        noise = particle_noise(seed, (views, *shape))
    else:
        noise = jnp.broadcast_to(particle_noise(seed, shape), (views, *shape))
    predictor = prior.predictor(conditioning, cameras)
    own = sampling.of(prior)
    return prior.decode(_sample(predictor, prior.schedule, noise, seed, own))


def _sample(predictor, schedule, noise, seed, sampling: Sampling) -> jax.Array:
    """`ddim_sample`; without noise in its steps in the smallest space that the prior knows."""
    scale, steps, spacing, eta = sampling
    if eta == 0.0:
        predictor, (noise,), expand = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, scale)  # noqa: E731
        return expand(ddim_sample(predict, schedule, noise, steps, spacing=spacing))
    predict = lambda x, t: predictor(x, t, scale)  # noqa: E731
    key = jax.random.split(jax.random.key(seed), 4)[3]  # the first three are the particle's
    return ddim_sample(predict, schedule, noise, steps, spacing=spacing, eta=eta, key=key)
