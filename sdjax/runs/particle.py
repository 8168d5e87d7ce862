"""A particle: one seed, one scene being optimised; what it is before its first step."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.config.fields import fields_of, flag, fraction, interval, number, whole
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.ramps import Ramp
from sdjax.priors.prior import Prior
from sdjax.rules.contract import Rule
from sdjax.rules.noise import reduce_noise
from sdjax.rules.shared import SharedRule
from sdjax.runs.freezing import Failure, no_failure
from sdjax.scene.reference_losses import ReferenceLoss
from sdjax.scene.rendering import Rendering

Regulariser = Callable[[Rendering], Float[Array, ""]]


class CameraRange(NamedTuple):
    """From where a particle is seen; see `sdjax.rigs.sample_rig`."""

    elevation: tuple[float, float] = (-10.0, 45.0)
    distance: tuple[float, float] = (3.2, 3.2)
    fovy: tuple[float, float] = (40.0, 40.0)
    even_degrees: float = 0.0
    camera_perturb: float = 0.0
    center_perturb: float = 0.0
    up_perturb: float = 0.0
    relative_distance: bool = False


CAMERA_RANGE = fields_of(
    CameraRange,
    elevation=interval(number(at_least=-90, at_most=90)).says("degrees above the horizon"),
    distance=interval(number(above=0)).says("from the origin, world units"),
    fovy=interval(number(above=0, at_most=179)).says("vertical field of view, degrees"),
    even_degrees=fraction().says("how often the elevation is even in degrees, not on the sphere"),
    camera_perturb=number(at_least=0).says("largest shift of the camera, world units"),
    center_perturb=number(at_least=0).says("deviation of the point looked at, world units"),
    up_perturb=number(at_least=0).says("deviation of the up vector"),
    relative_distance=flag().says(
        "multiply the distance by 1 / tan(fovy / 2), so that every lens sees the object as large"
    ),
)
CAMERA = {
    "views": whole(at_least=1).of(1, "cameras of a step"),
    "rig": whole(at_least=1).of(1, "of them at even azimuths, alike in all else; 1: each its own"),
    **CAMERA_RANGE,
}


def middle(camera: Any) -> tuple[float, float]:
    """The distance in world units and the field of view in degrees at the middle of the ranges of a
    table of `CAMERA`."""
    distance, fovy = sum(camera.distance) / 2, sum(camera.fovy) / 2
    relative = math.tan(math.radians(fovy / 2)) if camera.relative_distance else 1.0
    return distance / relative, fovy


class ReferenceView(NamedTuple):
    """What is asked of a particle seen by the camera of the prior's picture."""

    losses: tuple[tuple[str, float | Ramp, ReferenceLoss], ...]  # as those of `Recipe`
    resolution: int  # of its rendering


class Start(NamedTuple):
    """That a picture begins at the prior's one-step estimate of its seed's noise at T - 1."""

    camera: Camera  # [1]
    guidance_scale: float


@struct.dataclass
class Recipe:
    """Everything static about a stage of training: a pytree without leaves.

    `make_rule(prior)` builds the rule inside `jit`, so that the prior's arrays are arguments; a
    `SharedRule` is trained by `sdjax.runs.population`.
    `losses` are the regularisers: name, weight, function of a rendering.  `views` cameras of a step
    are rigs of `rig` each.  `start` is None where the scene says alone how it begins, `reference`
    where nothing is compared with a picture.
    """

    scene: Any = struct.field(pytree_node=False)
    make_rule: Callable[[Prior], Rule | SharedRule] = struct.field(pytree_node=False)
    optimizer: optax.GradientTransformation = struct.field(pytree_node=False)
    learning_rate: Callable[[Float[Array, ""]], Float[Array, ""]] = struct.field(pytree_node=False)
    guidance_weight: float | Ramp = struct.field(pytree_node=False)  # of the rule's gradient
    losses: tuple[tuple[str, float | Ramp, Regulariser], ...] = struct.field(pytree_node=False)
    cameras: CameraRange = struct.field(pytree_node=False)
    views: int = struct.field(pytree_node=False)  # cameras of one step
    resolution: int = struct.field(pytree_node=False)  # of a rendering
    noise_resolution: int = struct.field(pytree_node=False)  # the run's highest
    total_steps: int = struct.field(pytree_node=False)
    rig: int = struct.field(pytree_node=False, default=1)
    start: Start | None = struct.field(pytree_node=False, default=None)
    reference: ReferenceView | None = struct.field(pytree_node=False, default=None)

    @property
    def weights(self) -> dict[str, float | Ramp]:
        """Of all losses besides the guidance, by name."""
        of_reference = () if self.reference is None else self.reference.losses
        return {name: weight for name, weight, _ in (*self.losses, *of_reference)}


class Particle(NamedTuple):
    """What changes while a particle is trained."""

    params: Any
    optimizer_state: Any
    rule_state: Any
    failure: Failure


class SeedKeys(NamedTuple):
    """All randomness of a seed."""

    params: jax.Array
    rule: jax.Array  # of `Rule.init`
    steps: jax.Array


def seed_keys(seed: Int[Array, ""]) -> SeedKeys:
    """The same whatever else is trained."""
    return SeedKeys(*jax.random.split(jax.random.key(seed), 3))


def initial_particle(
    recipe: Recipe, prior: Prior, seed: Int[Array, ""], shared: Any = None
) -> Particle:
    """The particle of a seed before its first step; `shared` is what a `SharedRule` shares."""
    keys = seed_keys(seed)
    params = recipe.scene.init(keys.params)
    shape = prior.latent_shape(recipe.noise_resolution)
    rule_state = _rule(recipe, prior, shared).init(keys.rule, shape)
    return Particle(params, recipe.optimizer.init(params), rule_state, no_failure())


def first_particle(
    recipe: Recipe,
    prior: Prior,
    conditioning: Any,
    seed: Int[Array, ""],
    shared: Any = None,
    noise: Float[Array, "h w c"] | None = None,
) -> Particle:
    """The particle of a seed before its first step, prepared, with its params where they begin;
    `noise` takes the place of `particle_noise` in a start at the prior's estimate."""
    particle = initial_particle(recipe, prior, seed, shared)
    particle = prepare_particle(recipe, prior, conditioning, particle, shared)
    if recipe.start is None:
        return particle
    if noise is None:
        noise = particle_noise(seed, prior.latent_shape(recipe.noise_resolution))
    height, width, _ = prior.latent_shape(recipe.resolution)
    noise = reduce_noise(noise, (height, width))
    estimate = first_estimate(recipe.start, prior, conditioning, noise)
    params = recipe.scene.showing(particle.params, estimate, prior.decode)
    return particle._replace(params=params, optimizer_state=recipe.optimizer.init(params))


def first_estimate(
    start: Start, prior: Prior, conditioning: Any, noise: Float[Array, "h w c"]
) -> Float[Array, "1 height width c"]:
    """The clean latents to which `noise`, taken for x_t at t = T - 1, points in one guided step:
    where SDI's 2D notebook begins (and DSD's, which is the same file)."""
    x_t, last = jnp.expand_dims(noise, 0), prior.schedule.num_timesteps - 1
    epsilon = prior.predictor(conditioning, start.camera)(x_t, last, start.guidance_scale)
    return predicted_x0(prior.schedule, x_t, epsilon, last)


def prepare_particle(
    recipe: Recipe, prior: Prior, conditioning: Any, particle: Particle, shared: Any = None
) -> Particle:
    """`Rule.prepare`: once per particle and resolution."""
    predictor_at = lambda camera: prior.predictor(conditioning, camera)  # noqa: E731
    rule_state = _rule(recipe, prior, shared).prepare(particle.rule_state, predictor_at)
    return particle._replace(rule_state=rule_state)


def particle_noise(seed: Int[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """The noise that a rule with one fixed noise gives to this seed (`Rule.init`'s draw)."""
    return jax.random.normal(seed_keys(seed).rule, shape)


def _rule(recipe: Recipe, prior: Prior, shared: Any) -> Rule:
    rule = recipe.make_rule(prior)
    return rule.rule(shared, None) if isinstance(rule, SharedRule) else rule
