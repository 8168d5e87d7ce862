"""The ODE that belongs to a particle: simulated afresh, or computed once and looked up."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, position
from sdjax.diffusion.ddim import ddim_path, ddim_step
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.guidance.noise import reduce_noise
from sdjax.guidance.rule import Latents, View


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
    states: Any  # [bins, steps, 1, ...] at the nodes before each step, in the prior's coordinates
    epsilons: Any  # [bins, steps, 1, ...] the predictions there


def cached_ode(
    schedule: NoiseSchedule,
    guidance_scale: float,
    bins: Camera,
    height: int,
    width: int,
    steps: int = 10,
) -> Ode:
    """The ODE computed once per view bin by `prepare` and then looked up: no evaluation.

    For a fixed particle, prompt and view the trajectory never changes.  `bins` are the cameras
    [bins] whose trajectories are stored; a view reads the one with the nearest direction, which
    is the exact ODE where the camera is one of them.  The last step, from a node to t, costs
    nothing, because the prediction at the node is stored too.  Memory: bins x 2 steps
    latents, or as many coordinate vectors where the prior knows a subspace.
    """
    grid = jnp.asarray(ode_grid(steps, schedule.num_timesteps))

    def trajectory(noise, predictor):
        noise = jnp.expand_dims(reduce_noise(noise, (height, width)), 0)
        predictor, (start,), _ = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
        _, states, epsilons = ddim_path(predict, schedule, start, grid)
        return states, epsilons

    def prepare(state, predictor_at):
        def one(camera):
            camera = jax.tree.map(lambda leaf: jnp.expand_dims(leaf, 0), camera)
            return trajectory(state.noise, predictor_at(camera))

        return CachedOde(state.noise, *jax.lax.map(one, bins))

    def state_at(state, predictor, t, view, shape):
        noise = jnp.broadcast_to(reduce_noise(state.noise, shape[1:3]), shape)
        _, _, expand = predictor.subspace(noise)
        nearest = jax.vmap(lambda camera: nearest_direction(camera, bins))(view.camera)
        node = jnp.clip(jnp.sum(grid > t) - 1, 0, steps - 1)
        x, epsilon = (stored[nearest, node, 0] for stored in (state.states, state.epsilons))
        return expand(ddim_step(schedule, x, epsilon, grid[node], t))

    return Ode(
        lambda key, shape: CachedOde(jax.random.normal(key, shape), (), ()), prepare, state_at
    )


def nearest_direction(camera: Camera, bins: Camera) -> Int[Array, ""]:
    """The index of the bin whose direction makes the smallest angle with the camera's."""
    directions = position(bins) / bins.distance[:, None]
    return jnp.argmax(directions @ (position(camera) / camera.distance))


def ode_grid(steps: int, num_timesteps: int = 1000) -> np.ndarray:
    """The nodes int32 [steps + 1] of the ODE: T - 1 down to 0, evenly, cut off to integers."""
    return np.trunc(np.linspace(num_timesteps - 1, 0, steps + 1)).astype(np.int32)
