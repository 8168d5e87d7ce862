"""The ODE that belongs to a particle: what it offers, and its simulation afresh at every update."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from sdjax.cameras import Camera
from sdjax.diffusion.ddim import ddim_path
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, View
from sdjax.rules.ode_start import OdeStart, one_start


class Point(NamedTuple):
    """A point of an ODE."""

    t: Int[Array, ""]
    epsilon: Latents  # the guided prediction there
    x: Latents | None  # the latents there; None where they are not kept, or there is no ODE


class Ode(NamedTuple):
    """The DDIM ODE of a particle: how to start it, prepare it and read it.

    init(key, shape) -> state; prepare(state, predictor_at) -> state;
    point_at(key, state, predictor, t, view, shape) -> the point at timestep t, or at the node that
    stands for it.
    """

    init: Callable[[jax.Array, tuple[int, int, int]], Any]
    prepare: Callable[[Any, Callable[[Camera], Predictor]], Any]
    point_at: Callable[
        [jax.Array, Any, Predictor, Int[Array, ""], View | None, tuple[int, ...]], Point
    ]


def ode_grid(steps: int, num_timesteps: int = 1000) -> np.ndarray:
    """The nodes int32 [steps + 1] of the ODE: T - 1 down to 0, evenly, cut off to integers."""
    return np.trunc(np.linspace(num_timesteps - 1, 0, steps + 1)).astype(np.int32)


def node_index(grid: Int[Array, "nodes"], t: Int[Array, ""]) -> Int[Array, ""]:
    """Of the node that stands for `t`: the last one, before the end of the ODE, that is not below
    it.  Algorithm 2 of DSD keeps to those, {T, T - T / n, ..., T / n} for n steps."""
    return jnp.clip(jnp.sum(grid >= t) - 1, 0, len(grid) - 2)


def kept(state: Any, predictor_at: Callable[[Camera], Predictor]) -> Any:
    """The `prepare` of what is computed afresh."""
    return state


def simulated_ode(
    schedule: NoiseSchedule,
    guidance_scale: float,
    steps: int = 10,
    *,
    at: str = "t_delta",
    start: OdeStart | None = None,
) -> Ode:
    """The ODE simulated afresh at every update: at most `steps` + 1 network evaluations.

    The nodes of `ode_grid` above t are visited, then t itself where `at` is "t_delta", as the
    official code has it; with "node" the point is that of `node_index`.
    """
    grid, start = jnp.asarray(ode_grid(steps, schedule.num_timesteps)), start or one_start()

    def point_at(key, state, predictor, t, view, shape):
        t = grid[node_index(grid, t)] if at == "node" else t
        noise = start.noise(state, None if view is None else view.camera, shape)
        predictor, (first,), expand = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
        # One step more, whose end is not looked at: the network stands once in the program.
        path = jnp.append(jnp.maximum(grid, t), -1)
        _, states, epsilons = ddim_path(predict, schedule, first, path)
        return Point(t, expand(epsilons[-1]), expand(states[-1]))

    return Ode(start.init, kept, point_at)


def linear_noise(start: OdeStart | None = None) -> Ode:
    """No ODE: eps* itself in place of the prediction, which is exact where the ODE is straight (the
    row "Linear" of DSD's table 3, after Consistent3D)."""
    start = start or one_start()

    def point_at(key, state, predictor, t, view, shape):
        return Point(t, start.noise(state, None if view is None else view.camera, shape), None)

    return Ode(start.init, kept, point_at)


def random_noise() -> Ode:
    """No ODE: fresh noise at every update (the row "Random" of DSD's table 3, after ASD)."""

    def point_at(key, state, predictor, t, view, shape):
        return Point(t, jax.random.normal(key, shape), None)

    return Ode(lambda key, shape: (), kept, point_at)
