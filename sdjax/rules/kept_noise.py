"""What SDI keeps from one step to the next: the last prediction and its target, of one image or one
scene, or the last prediction of each bin of views."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.diffusion.annealing import Annealing
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import (
    Aux,
    Latents,
    Rule,
    Update,
    check_kept,
    check_latents,
    needed_view,
    nothing_to_prepare,
)
from sdjax.rules.view_bins import ViewBins, at_once, scenes

# look(keys, kept epsilon, predictor, latents, t) -> `sdjax.rules.sdi.Residual`; and what is
# predicted at T - 1 for pure noise
LookFn = Callable[[Any, Latents, Predictor, Latents, Int[Array, ""]], Any]
FirstFn = Callable[[Predictor, Latents], Latents]


class Kept(NamedTuple):
    """The state of `kept`; of one view, or of those that a prior predicts at once."""

    epsilon: Latents  # the last guided prediction, of the last target
    target: Latents  # the clean latents that it points to
    t: Int[Array, ""]  # its timestep
    step: Int[Array, ""]  # updates so far


def kept(
    schedule: NoiseSchedule,
    annealing: Annealing,
    look: LookFn,
    target_every: int,
    views: int,
    first: FirstFn | None = None,
    cameras: Camera | None = None,
) -> Rule:
    """Every `target_every` steps a new target, of `look`, towards which the `views` latents are
    led; `first` is kept before it, as seen by `cameras` [views], or a normal draw without it."""

    def init(key, shape):
        draw = jax.random.normal(key, (views, *shape))
        return Kept(draw, jnp.zeros_like(draw), jnp.int32(0), jnp.int32(0))

    def prepare(state, predictor_at):
        epsilon = first(predictor_at(cameras), state.epsilon)
        return state._replace(epsilon=jnp.where(state.step == 0, epsilon, state.epsilon))

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        check_kept("SDI", latents, state.epsilon)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)

        def renewed():
            seen = look(keys, state.epsilon, predictor, latents, t)
            return Kept(seen.epsilon, seen.target, t, state.step + 1)

        def held():
            return state._replace(step=state.step + 1)

        is_due = state.step % target_every == 0
        after = renewed() if target_every == 1 else jax.lax.cond(is_due, renewed, held)
        noisy = add_noise(schedule, after.target, after.epsilon, after.t)
        return Update(latents - after.target, after, Aux(after.t, noisy, after.target))

    return Rule(init, update, nothing_to_prepare if first is None else prepare)


def of_scene(camera: Camera, views: int) -> Camera:
    """`camera` where it has so many views, else its turns around the object."""
    if len(camera.azimuth) == views:
        return camera
    first = jax.tree.map(lambda leaf: jnp.repeat(leaf[:1], views, axis=0), camera)
    return first._replace(azimuth=first.azimuth + 360.0 / views * jnp.arange(views))


class KeptOfBins(NamedTuple):
    """The state of `kept_of_bins`."""

    epsilon: Float[Array, "bins h w c"]  # the last guided prediction in each bin
    step: Int[Array, ""]  # updates so far


def kept_of_bins(annealing: Annealing, look: LookFn, first: FirstFn, bins: ViewBins) -> Rule:
    """The kept noise of objects, an addition of ours: each bin of views keeps the last prediction
    that was made in it, at first that at T - 1 of a normal draw, which is one for all bins, or for
    each view of a scene one for all scenes.

    A view takes the noise of its bin and leaves its prediction there; of two views of one bin the
    later one does.  Where every bin is seen at every step, each is SDI on one image.
    """
    cameras, count = scenes(bins), len(bins.cameras.azimuth)

    def init(key, shape):
        draw = jax.random.normal(key, (bins.together, *shape))
        return KeptOfBins(jnp.tile(draw, (count // bins.together, 1, 1, 1)), jnp.int32(0))

    def prepare(state, predictor_at):
        def of_one(given):
            camera, noise = given
            return first(predictor_at(camera), noise)

        together = (-1, bins.together, *state.epsilon.shape[1:])
        noises = state.epsilon.reshape(together)
        found = jax.lax.map(of_one, (cameras, noises), batch_size=at_once(bins))
        epsilon = found.reshape(state.epsilon.shape).astype(state.epsilon.dtype)
        return state._replace(epsilon=jnp.where(state.step == 0, epsilon, state.epsilon))

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        own = bins.bin_of(needed_view(view).camera)
        noise = state.epsilon[own]
        check_kept("SDI", latents, noise)
        t_key, *keys = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        seen = look(keys, noise, predictor, latents, t)
        after = KeptOfBins(_left(state.epsilon, own, seen.epsilon), state.step + 1)
        return Update(seen.gradient, after, Aux(t, seen.noisy, seen.target))

    return Rule(init, update, prepare)


def _left(
    before: Float[Array, "bins h w c"], own: Int[Array, "views"], new: Latents
) -> Float[Array, "bins h w c"]:
    """With `new` in the bins `own`, the last one of each; a scatter would leave it open which."""
    is_here = own.reshape(1, -1) == jnp.arange(len(before)).reshape(-1, 1)
    last = len(own) - 1 - jnp.argmax(is_here[:, ::-1], axis=1)
    is_seen = jnp.any(is_here, axis=1).reshape(-1, 1, 1, 1)
    return jnp.where(is_seen, new[last].astype(before.dtype), before)
