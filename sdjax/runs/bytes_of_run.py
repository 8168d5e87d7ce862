"""The bytes of a training run by name: what each particle keeps, and what a step takes besides.

    kept on a device = weights + shared + particles x (params + moments + rule_state)
    peak of a step   = kept + particles at once x (gradient + rendering + encoding), and a copy of
                       those that move where they are not all

Sizes of what is kept are those of the arrays, exact.  What a step takes is counted in arrays as
large as its samples, as XLA's plans of compiled steps have it (sdjax/benchmarks/memory.py).
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sdjax.config.kinds import made
from sdjax.dtypes import DTYPES
from sdjax.priors import PRIORS
from sdjax.priors.prior import Prior
from sdjax.runs import build
from sdjax.runs.optimizers import OPTIMIZERS
from sdjax.runs.particle import initial_particle, prepare_particle
from sdjax.runs.population import initial_shared
from sdjax.runs.stages import Stage, highest_resolution, stages
from sdjax.scene import SCENES

FLOAT = 4  # bytes
OF_A_RAY = 12 * FLOAT  # origin, direction, bounds, colour, opacity
OF_A_SAMPLE = 16 * FLOAT  # position, density, colour and weight, and their gradients
SMALLEST_IMAGE = 64  # pixels that an autoencoder sees where only the checkpoint says how many
PER_LATENT = 8  # pixels along an edge, of Stable Diffusion's autoencoders
# Activations of the widest block of an encoder and their gradients, by `prior.remat`, in arrays of
# the picture's size and the block's channels: measured at 512 pixels (3006, 2102, 2766 MiB).
OF_AN_ENCODER = {"none": 23.5, "products": 16.4, "blocks": 21.6}


class Bytes(NamedTuple):
    """Bytes by name.

    weights: the prior's, a whole copy on each device (a part with `run.weight_shards`); None where
      they are not known before the checkpoint is read.
    params, moments, rule_state: of each particle, kept from step to step and in a checkpoint:
      itself, its optimiser's state, and noise, cached ODE and predictions that its rule keeps.
    shared: what the particles of a rule share: VSD's adapter and the state of its optimiser.
    gradient: of a particle's params, and the params that it leads to, during its step.
    rendering: samples of rays and their gradients, during a particle's step.
    encoding: the autoencoder's activations and gradients there; None as `weights`.
    views: of a particle in the evaluation.
    """

    weights: int | None
    params: int
    moments: int
    rule_state: int
    shared: int | None
    gradient: int
    rendering: int
    encoding: int | None
    views: int

    @property
    def of_a_particle(self) -> int:
        """Kept from step to step."""
        return self.params + self.moments + self.rule_state

    @property
    def of_a_step(self) -> int:
        """Of one particle while it moves, as far as it is known."""
        return self.gradient + self.rendering + (self.encoding or 0)

    def kept(self, particles: int, weight_shards: int = 1) -> int:
        """On a device with so many particles and a part of the weights."""
        common = (self.weights or 0) // weight_shards + (self.shared or 0)
        return common + particles * self.of_a_particle

    def peak(self, particles: int, at_once: int, weight_shards: int = 1) -> int:
        """The same while so many of them move at once: where not all do, in a copy of their own."""
        moving = at_once * (self.of_a_step + (self.of_a_particle if at_once < particles else 0))
        return self.kept(particles, weight_shards) + moving


def bytes_of_training(config: Any, prior: Prior | None = None, conditioning: Any = None) -> Bytes:
    """Those of a training configuration, in its largest stage; nothing is computed.

    `prior` is the run's at its highest resolution, of arrays or of their shapes, and `conditioning`
    that of the prompt.  Without them weights, adapters and activations are not counted, and of what
    rules keep only the bins of views.
    """
    views = 1 if SCENES[config.scene.name].is_flat else config.report.views
    state, shared = bins_of_views(config), None
    if prior is not None:
        largest = max(stages(config), key=lambda stage: stage.resolution)
        state, shared = map(size, _of_rule(config, largest, prior, conditioning))
    of_all = Bytes(
        weights=None if prior is None else size(prior),
        params=0,
        moments=0,
        rule_state=state,
        shared=shared,
        gradient=0,
        rendering=0,
        encoding=None,
        views=views * highest_resolution(config) ** 2 * 3 * FLOAT,
    )
    every = [of_all._replace(**_of_stage(config, stage, prior)) for stage in stages(config)]
    return max(every, key=lambda each: each.peak(1, 1))


def _of_stage(config: Any, stage: Stage, prior: Prior | None) -> dict[str, int | None]:
    """The entries that are a stage's own."""
    scene = build.make_scene(config, prior or _Unread(config), stage)
    params = jax.eval_shape(scene.init, jax.random.key(0))
    moments = jax.eval_shape(made(OPTIMIZERS, config.optimizer).direction.init, params)
    return {
        "params": size(params),
        "moments": size(moments),
        "gradient": 2 * size(params),
        "rendering": 0 if scene.is_flat else of_renderings(config, stage),
        "encoding": None if prior is None else _of_encoding(prior, scene, stage),
    }


def size(tree: Any) -> int:
    """Bytes of the arrays of a tree, or of their shapes."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def of_renderings(config: Any, stage: Stage) -> int:
    """Of a particle's views in a step, with their gradients."""
    samples, chunk = config.scene.samples + config.scene.proposals, config.scene.chunk
    rays = stage.resolution**2
    seen = rays if chunk is None else min(chunk, rays)
    return stage.views * (rays * OF_A_RAY + seen * samples * OF_A_SAMPLE)


def bins_of_views(config: Any) -> int:
    """What a rule keeps of each bin of views: SDI's predictions, a cached ODE of latents (of data
    with a subspace, as the embedded prior's, it is next to nothing)."""
    rule, height, width, channels = config.rule, *_Unread(config).latent_shape(0)
    one = height * width * channels
    kept = (rule.get("keep_bins") or 0) * one * FLOAT
    if rule.get("ode") == "cached" and PRIORS[config.prior.name].has_network:
        points = rule.ode_steps + (rule.ode_at == "t_delta")
        kept += (rule.ode_bins or 1) * points * one * jnp.dtype(DTYPES[rule.ode_dtype]).itemsize
    return kept


class _Unread:
    """The latents of a prior that was not read yet."""

    def __init__(self, config: Any):
        self.config = config

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """At the highest resolution, whatever is asked for; the smallest where only the checkpoint
        says."""
        prior = self.config.prior
        if not PRIORS[prior.name].has_network:
            edge = highest_resolution(self.config)
            return edge, edge, 3
        edge = (prior.get("image_size") or SMALLEST_IMAGE) // PER_LATENT
        return edge, edge, 4


def _of_rule(config: Any, stage: Stage, prior: Prior, conditioning: Any) -> tuple[Any, Any]:
    """The shapes of what a rule keeps of a particle, and of all."""
    recipe = build.make_recipe(config, prior, stage)

    def kept(prior, conditioning, seed):
        shared = initial_shared(recipe, prior, seed)
        particle = initial_particle(recipe, prior, seed, shared)
        return prepare_particle(recipe, prior, conditioning, particle, shared).rule_state, shared

    return jax.eval_shape(kept, prior, conditioning, jax.ShapeDtypeStruct((), jnp.int32))


def _of_encoding(prior: Prior, scene: Any, stage: Stage) -> int:
    """Of the pictures of a step."""
    network = getattr(prior, "autoencoder", None)
    if network is None or scene.in_latent_space:
        return 0
    pixels = stage.views * prior.image_size**2 * network.config.block_out_channels[0]
    return int(OF_AN_ENCODER[network.remat] * pixels * jnp.dtype(network.dtype).itemsize)
