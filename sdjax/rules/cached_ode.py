"""The ODE of a particle computed once per view bin, and looked up from then on."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from sdjax.diffusion.ddim import ddim_path
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import needed_view
from sdjax.rules.ode import Ode, Point, node_index, ode_grid
from sdjax.rules.ode_start import OdeStart, one_start
from sdjax.rules.view_bins import ViewBins, at_once, scenes


class CachedOde(NamedTuple):
    """The state of `cached_ode`; its arrays are in the prior's coordinates, () where not kept."""

    noise: Array  # of the `OdeStart`
    states: Any  # [bins, steps + 1, 1, ...] at the nodes
    epsilons: Any  # [bins, steps, 1, ...], the predictions there


def cached_ode(
    schedule: NoiseSchedule,
    guidance_scale: float,
    bins: ViewBins,
    height: int,
    width: int,
    steps: int = 10,
    dtype: DTypeLike | None = None,
    *,
    at: str = "t_delta",
    start: OdeStart | None = None,
    with_states: bool = False,
) -> Ode:
    """The ODE computed once per view bin by `prepare` and then looked up.

    For a fixed particle, prompt and view the trajectory never changes.  A view reads that of its
    bin's camera: the exact ODE where the prior does not tell the two apart, else that of a view
    nearby.

    With `at` "node" the point is that of `node_index` and costs no evaluation: its prediction is
    part of the trajectory; its latents are only kept `with_states`.  With "t_delta" the latents at
    t itself cost none either, because the prediction at the node before is already in the next
    node's state (`within_step`), but the prediction there is one evaluation.

    Cost: before the first step, bins x steps predictions of one view, `at_once` bins in a batch; of
    `bins.together` views where they are one scene, whose trajectories are joint.  Memory:
    bins x (steps + 1) latents of `height` x `width`, or bins x steps predictions, or as many
    coordinate vectors where the prior knows a subspace, in `dtype` (None: that of the
    computation): for latents of 64 x 64 x 4 and 10 steps 704 KiB a bin and particle in float32,
    352 KiB in bfloat16, which rounds by up to 1 / 512 of each value.
    """
    grid, start = jnp.asarray(ode_grid(steps, schedule.num_timesteps)), start or one_start()
    keeps_states = at == "t_delta" or with_states

    def trajectory(state, camera, predictor):
        shape = (bins.together, height, width, state.noise.shape[-1])
        noise = start.noise(state.noise, camera, shape)
        predictor, (first,), _ = predictor.subspace(noise)
        predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
        end, states, epsilons = ddim_path(predict, schedule, first, grid)
        stored = end.dtype if dtype is None else dtype
        states = jnp.concatenate([states, end[None]]).astype(stored) if keeps_states else ()
        return states, epsilons.astype(stored) if at == "node" else ()

    def prepare(state, predictor_at):
        def of_scene(camera):
            return trajectory(state, camera, predictor_at(camera))

        paths = jax.lax.map(of_scene, scenes(bins), batch_size=at_once(bins))
        return CachedOde(state.noise, *jax.tree.map(_of_bins, paths))

    def point_at(key, state, predictor, t, view, shape):
        own = bins.bin_of(needed_view(view).camera)
        cameras = jax.tree.map(lambda leaf: leaf[own], bins.cameras)
        _, (first,), expand = predictor.subspace(start.noise(state.noise, cameras, shape))
        dtype = jnp.result_type(first, schedule.alphas_cumprod)

        def read(kept, node):
            return kept[own, node, 0].astype(dtype)

        if at == "node":
            node = node_index(grid, t)
            x = expand(read(state.states, node)) if keeps_states else None
            return Point(grid[node], expand(read(state.epsilons, node)), x)
        node = jnp.clip(jnp.sum(grid > t) - 1, 0, steps - 1)
        ends = [read(state.states, k) for k in (node, node + 1)]
        x = expand(within_step(schedule, *ends, grid[node], grid[node + 1], t))
        return Point(t, predictor(x, t, guidance_scale), x)

    def init(key, shape):
        return CachedOde(start.init(key, shape), (), ())

    return Ode(init, prepare, point_at)


def _of_bins(paths: Float[Array, "scenes nodes together *shape"]) -> Array:
    """[bins, nodes, 1, ...]: the views of each scene one after the other."""
    return jnp.moveaxis(paths, 2, 1).reshape(-1, paths.shape[1], 1, *paths.shape[3:])


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
