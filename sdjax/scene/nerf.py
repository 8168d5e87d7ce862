"""A neural radiance field rendered by one camera, with static shapes."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax import cameras
from sdjax.scene import sampling, volume
from sdjax.scene.background import Background, Solid
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.field import Field
from sdjax.scene.normals import normalise, normals
from sdjax.scene.rendering import Progress, Rendering, Samples


@flax.struct.dataclass
class NeRF:
    """A field and a background, seen by sampling every ray in one or two levels.

    With `proposals` > 0, that many equal intervals are weighed first, by the field's
    `proposal_density` and without gradients, and `samples` intervals are placed by their
    weights; with `proposals` = 0 the `samples` intervals are equal.  `normals` asks for
    normals (see normals.py for `normal_step`), `perturbation` for further normals at points
    displaced by a normal deviate of that standard deviation; both cost evaluations.
    `params` is {"field": ..., "background": ...}.
    """

    field: Field = DenseGrid()
    background: Background = Solid()
    samples: int = flax.struct.field(pytree_node=False, default=24)
    proposals: int = flax.struct.field(pytree_node=False, default=48)
    normals: bool = flax.struct.field(pytree_node=False, default=False)
    normal_step: float | None = flax.struct.field(pytree_node=False, default=None)
    perturbation: float | None = flax.struct.field(pytree_node=False, default=None)

    @property
    def in_latent_space(self) -> bool:
        """Whether a rendering's colours are a prior's latents: no, they are to be encoded."""
        return False

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Fresh params of the field and of the background."""
        field, background = jax.random.split(key)
        return {"field": self.field.init(field), "background": self.background.init(background)}

    def render(
        self,
        params: dict[str, Any],
        camera: cameras.Camera,
        key: jax.Array | None,
        height: int,
        width: int,
        *,
        progress: Progress = 1.0,
    ) -> Rendering:
        """The view of one camera, [height, width], at a fraction `progress` of the run.

        The key draws jitter and background; without one, samples are at fixed places: for
        evaluation.
        """
        self = self.replace(field=self.field.at(progress))
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        origins, directions = cameras.rays(camera, height, width)
        near, far = sampling.cube_interval(origins, directions, self.field.radius)
        edges = self._edges(params["field"], origins, directions, near, far, keys[:2])
        distances, deltas = 0.5 * (edges[..., 1:] + edges[..., :-1]), jnp.diff(edges, axis=-1)
        points = _along(origins, directions, distances)

        densities, colours = self._evaluate(params["field"], points, directions)
        weights = volume.weights(densities, deltas)
        point_normals, perturbed = self._normals(params["field"], points, keys[2])

        opacity = jnp.sum(weights, axis=-1, keepdims=True)
        behind = self.background(params["background"], keys[3], directions)
        return Rendering(
            colour=volume.over(volume.composite(weights, colours), opacity, behind),
            opacity=opacity,
            depth=volume.expected_depth(weights, distances, far)[..., None],
            normal=normalise(volume.composite(weights, point_normals)) if self.normals else None,
            samples=Samples(directions, distances, deltas, weights, point_normals, perturbed),
        )

    def _edges(self, params, origins, directions, near, far, keys) -> Float[Array, "h w n"]:
        if not self.proposals:
            return jax.lax.stop_gradient(sampling.uniform_edges(keys[0], near, far, self.samples))
        params = jax.lax.stop_gradient(params)
        edges = sampling.uniform_edges(keys[0], near, far, self.proposals)
        points = _along(origins, directions, 0.5 * (edges[..., 1:] + edges[..., :-1]))
        densities = self.field.proposal_density(params, points.reshape(-1, 3))
        weights = volume.weights(densities.reshape(points.shape[:-1]), jnp.diff(edges, axis=-1))
        fine = sampling.importance_edges(keys[1], weights, edges, self.samples)
        return jax.lax.stop_gradient(fine)

    def _evaluate(self, params, points, directions):
        seen = jnp.broadcast_to(directions[..., None, :], points.shape)
        densities, colours = self.field(params, points.reshape(-1, 3), seen.reshape(-1, 3))
        return densities.reshape(points.shape[:-1]), colours.reshape(points.shape)

    def _normals(self, params, points, key):
        def at(where):
            flat = normals(
                lambda p: self.field.raw_density(params, p), where.reshape(-1, 3), self.normal_step
            )
            return flat.reshape(where.shape)

        own = at(points) if self.normals else None
        if self.perturbation is None or key is None:
            return own, None
        return own, at(points + self.perturbation * jax.random.normal(key, points.shape))


def _along(
    origins: Float[Array, "h w 3"],
    directions: Float[Array, "h w 3"],
    distances: Float[Array, "h w n"],
) -> Float[Array, "h w n 3"]:
    return origins[..., None, :] + distances[..., None] * directions[..., None, :]
