"""The ODE that belongs to a particle: simulated afresh, or computed once and looked up."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.diffusion.ddim import ddim_path
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, View, needed_view
from sdjax.rules.noise import reduce_noise
from sdjax.rules.view_bins import ViewBins


class Ode(NamedTuple):
    """The DDIM ODE of a particle: how to start it, prepare it and read it.

    init(key, shape) -> state; prepare(state, predictor_at) -> state;
    state_at(state, predictor, t, view, shape) -> the latents on the ODE at timestep t.
    """

    init: Callable[[jax.Array, tuple[int, int, int]], Any]
    prepare: Callable[[Any, Callable[[Camera], Predictor]], Any]
    state_at: Callable[[Any, Predictor, Int[Array, ""], View, tuple[int, ...]], Latents]


def exact_ode(schedule: NoiseSchedule, guidance_scale: float, steps: int = 10) -> Ode:
    """The ODE simulated afresh at every update: at most `steps` network evaluations.

    The nodes of `ode_grid` above t are visited, then t itself.
    """
    grid = jnp.asarray(ode_grid(steps, schedule.num_timesteps))

    def state_at(noise, predictor, t, view, shape):
        noise = jnp.broadcast_to(reduce_noise(noise, shape[1:3]), shape)
        predictor, (start,), expand = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
        end, _, _ = ddim_path(predict, schedule, start, jnp.maximum(grid, t))
        return expand(end)

    return Ode(jax.random.normal, lambda noise, predictor_at: noise, state_at)


class CachedOde(NamedTuple):
    """The state of `cached_ode`."""

    noise: Float[Array, "h w c"]
    states: Any  # [bins, steps + 1, 1, ...] at the nodes, in the prior's coordinates


def cached_ode(
    schedule: NoiseSchedule,
    guidance_scale: float,
    bins: ViewBins,
    height: int,
    width: int,
    steps: int = 10,
    dtype: DTypeLike | None = None,
) -> Ode:
    """The ODE computed once per view bin by `prepare` and then looked up: no evaluation.

    For a fixed particle, prompt and view the trajectory never changes.  A view reads that of its
    bin's camera: the exact ODE where the prior does not tell the two apart, else that of a view
    nearby.  From a node to t nothing is evaluated, because the prediction there is already in the
    next node's state (`within_step`).

    Cost: bins x steps evaluations at once, bin after bin, each of the batch of one view.  Memory:
    bins x (steps + 1) latents of `height` x `width`, or as many coordinate vectors where the prior
    knows a subspace, in `dtype` (None: that of the computation): for latents of 64 x 64 x 4 and
    10 steps 704 KiB a bin and particle in float32, 352 KiB in bfloat16, which rounds by up to
    1 / 512 of each value.
    """
    grid = jnp.asarray(ode_grid(steps, schedule.num_timesteps))

    def trajectory(noise, predictor):
        noise = jnp.expand_dims(reduce_noise(noise, (height, width)), 0)
        predictor, (start,), _ = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
        end, states, _ = ddim_path(predict, schedule, start, grid)
        return jnp.concatenate([states, end[None]]).astype(end.dtype if dtype is None else dtype)

    def prepare(state, predictor_at):
        def one(camera):
            camera = jax.tree.map(lambda leaf: jnp.expand_dims(leaf, 0), camera)
            return trajectory(state.noise, predictor_at(camera))

        return CachedOde(state.noise, jax.lax.map(one, bins.cameras))

    def state_at(state, predictor, t, view, shape):
        noise = jnp.broadcast_to(reduce_noise(state.noise, shape[1:3]), shape)
        _, (start,), expand = predictor.subspace(noise)
        dtype = jnp.result_type(start, schedule.alphas_cumprod)
        own = bins.bin_of(needed_view(view).camera)
        node = jnp.clip(jnp.sum(grid > t) - 1, 0, steps - 1)
        x, x_next = (state.states[own, k, 0].astype(dtype) for k in (node, node + 1))
        return expand(within_step(schedule, x, x_next, grid[node], grid[node + 1], t))

    return Ode(lambda key, shape: CachedOde(jax.random.normal(key, shape), ()), prepare, state_at)


def within_step(
    schedule: NoiseSchedule,
    x: Float[Array, "..."],
    x_next: Float[Array, "..."],
    t: Int[Array, ""] | int,
    t_next: Int[Array, ""] | int,
    at: Int[Array, ""] | int,
) -> Float[Array, "..."]:
    """Where the DDIM step from `x` at t to `x_next` at t_next < t is at the timestep between.

    A step turns x in the plane of x_0 and epsilon by the angle between t and t_next, the angle of
    t being that of (alpha_t, sigma_t).  So the state is
    (sin(at - t_next) x + sin(t - at) x_next) / sin(t - t_next) with these angles, which is
    `ddim_step(x, epsilon, t, at)` without the epsilon.
    """

    def sine(t, s):
        return schedule.sigma(t) * schedule.alpha(s) - schedule.alpha(t) * schedule.sigma(s)

    return (sine(at, t_next) * x + sine(t, at) * x_next) / sine(t, t_next)


def ode_grid(steps: int, num_timesteps: int = 1000) -> np.ndarray:
    """The nodes int32 [steps + 1] of the ODE: T - 1 down to 0, evenly, cut off to integers."""
    return np.trunc(np.linspace(num_timesteps - 1, 0, steps + 1)).astype(np.int32)
