"""A neural radiance field rendered by one camera, with static shapes."""

from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax import cameras
from sdjax.config.fields import fields_of, number, optional, whole
from sdjax.scene import sampling, volume
from sdjax.scene.background import BACKGROUND, Background, Solid
from sdjax.scene.chunks import map_chunks
from sdjax.scene.fields import FIELDS
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.field import Field, FieldKind
from sdjax.scene.kind import Place, SceneKind
from sdjax.scene.normals import normalise, normals
from sdjax.scene.rendering import Progress, Rendering, Samples
from sdjax.scene.shading import SHADING, PointLight, shade


class Rays(NamedTuple):
    """The rays of a picture, or some of them, and what was drawn for each."""

    origins: Float[Array, "*rays 3"]
    directions: Float[Array, "*rays 3"]  # unit
    near: Float[Array, "*rays"]
    far: Float[Array, "*rays"]
    jitter: tuple[Float[Array, "*rays"] | None, ...]  # of the proposals and of the samples
    displacements: Float[Array, "*rays n 3"] | None  # of the points of perturbed normals


@flax.struct.dataclass
class NeRF:
    """A field and a background, seen by sampling every ray in one or two levels.

    With `proposals` > 0, that many equal intervals are weighed first, by the field's
    `proposal_density` and without gradients, and `samples` intervals are placed by their
    weights; with `proposals` = 0 the `samples` intervals are equal.  `normals` asks for
    normals (see normals.py for `normal_step`), `perturbation` for further normals at points
    displaced by a normal deviate of that standard deviation; both cost evaluations.
    `shading` lights the pictures of training, which needs normals too.  With `chunk`, about
    that many rays are rendered at a time and once more for their gradient, which bounds the
    memory for their activations: the same picture from the same draws, in more time.
    `params` is {"field": ..., "background": ...}.
    """

    field: Field = DenseGrid()
    background: Background = Solid()
    samples: int = flax.struct.field(pytree_node=False, default=24)
    proposals: int = flax.struct.field(pytree_node=False, default=48)
    normals: bool = flax.struct.field(pytree_node=False, default=False)
    normal_step: float | None = flax.struct.field(pytree_node=False, default=None)
    perturbation: float | None = flax.struct.field(pytree_node=False, default=None)
    shading: PointLight | None = None
    chunk: int | None = flax.struct.field(pytree_node=False, default=None)

    @property
    def in_latent_space(self) -> bool:
        """Whether a rendering's colours are a prior's latents: no, they are to be encoded."""
        return False

    @property
    def is_flat(self) -> bool:
        """Whether it is a picture without a shape: no."""
        return False

    def moved(self, params: dict[str, Any]) -> dict[str, Any]:
        """`params` of the stage before in the resolution of this one's field."""
        field = self.field.moved(params["field"])
        return params if field is params["field"] else {**params, "field": field}

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

        The key draws jitter, background and light; without one, samples are at fixed places and
        colours unshaded: for evaluation.
        """
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        rays = self._rays(camera, keys[:3], height, width)
        lighting = None
        if self.shading is not None and key is not None:
            lighting = self.shading.draw(jax.random.fold_in(key, 4), camera, progress)
        seen = self._march(self.field.at(progress), params["field"], lighting, rays)
        behind = self.background(params["background"], keys[3], rays.directions)
        return seen._replace(colour=volume.over(seen.colour, seen.opacity, behind))

    def _rays(self, camera, keys, height, width) -> Rays:
        origins, directions = cameras.rays(camera, height, width)
        near, far = sampling.cube_interval(origins, directions, self.field.radius)
        jitter = tuple(sampling.draw_jitter(key, near.shape) for key in keys[:2])
        displacements = None
        if self.perturbation is not None and keys[2] is not None:
            shape = (*near.shape, self.samples, 3)
            displacements = self.perturbation * jax.random.normal(keys[2], shape)
        return Rays(origins, directions, near, far, jitter, displacements)

    def _march(self, field, params, lighting, rays: Rays) -> Rendering:
        """The rendering before a black background."""

        def through(params, lighting, rays, edges):
            return self._through(field, params, lighting, rays, edges)

        if self.chunk is not None:
            through = jax.checkpoint(through)

        def march(rays):  # edges are kept, not found again for the gradient: they have none
            return through(params, lighting, rays, self._edges(field, params, rays))

        return march(rays) if self.chunk is None else map_chunks(march, rays, self.chunk)

    def _edges(self, field, params, rays: Rays) -> Float[Array, "*rays n"]:
        near, far = rays.near, rays.far
        if not self.proposals:
            edges = sampling.uniform_edges(rays.jitter[0], near, far, self.samples)
            return jax.lax.stop_gradient(edges)
        params = jax.lax.stop_gradient(params)
        edges = sampling.uniform_edges(rays.jitter[0], near, far, self.proposals)
        points = _along(rays, 0.5 * (edges[..., 1:] + edges[..., :-1]))
        densities = field.proposal_density(params, points.reshape(-1, 3))
        weights = volume.weights(densities.reshape(points.shape[:-1]), jnp.diff(edges, axis=-1))
        fine = sampling.importance_edges(rays.jitter[1], weights, edges, self.samples)
        return jax.lax.stop_gradient(fine)

    def _through(self, field, params, lighting, rays: Rays, edges) -> Rendering:
        distances, deltas = 0.5 * (edges[..., 1:] + edges[..., :-1]), jnp.diff(edges, axis=-1)
        points = _along(rays, distances)
        densities, colours = _evaluate(field, params, points, rays.directions)
        weights = volume.weights(densities, deltas)
        own, perturbed = self._normals(field, params, points, rays.displacements, lighting)
        if lighting is not None:
            colours = shade(lighting, colours, points, own)
        opacity = jnp.sum(weights, axis=-1, keepdims=True)  # first: gradients add up in this order
        return Rendering(
            colour=volume.composite(weights, colours),
            opacity=opacity,
            depth=volume.expected_depth(weights, distances, rays.far)[..., None],
            normal=None if own is None else normalise(volume.composite(weights, own)),
            samples=Samples(rays.directions, distances, deltas, weights, own, perturbed),
        )

    def _normals(self, field, params, points, displacements, lighting):
        def at(where):
            flat = normals(
                lambda p: field.raw_density(params, p), where.reshape(-1, 3), self.normal_step
            )
            return flat.reshape(where.shape)

        own = at(points) if self.normals or lighting is not None else None
        return own, None if displacements is None else at(points + displacements)


def _evaluate(field, params, points, directions):
    seen = jnp.broadcast_to(directions[..., None, :], points.shape)
    densities, colours = field(params, points.reshape(-1, 3), seen.reshape(-1, 3))
    return densities.reshape(points.shape[:-1]), colours.reshape(points.shape)


def _along(rays: Rays, distances: Float[Array, "*rays n"]) -> Float[Array, "*rays n 3"]:
    return rays.origins[..., None, :] + distances[..., None] * rays.directions[..., None, :]


_RAYS = {
    **fields_of(
        NeRF,
        samples=whole(at_least=1).says("of a ray"),
        proposals=whole(at_least=0).says("intervals of a ray that are weighed to place them"),
        chunk=optional(whole(at_least=1)).says("rays rendered at a time; None: all"),
        normal_step=optional(number(above=0)).says(
            "of normals by differences, world units; None: by derivatives"
        ),
    ),
    "perturbation": number(above=0).of(
        0.01, "deviation of the points of losses.normal_smoothness_3d, world units"
    ),
    "background": BACKGROUND,
    "shading": SHADING,
}


def _scene(kind: FieldKind) -> SceneKind:
    """The radiance field of a field."""

    def make(place: Place, perturbation: float, **fields: Any) -> NeRF:
        rays = {name: fields.pop(name) for name in _RAYS if name in fields}
        return NeRF(
            field=kind.make(place.grid, **fields),
            normals=place.normals,
            perturbation=perturbation if place.perturbed_normals else None,
            **rays,
        )

    return SceneKind(kind.name, make, {**kind.fields, **_RAYS})


SCENES = tuple(map(_scene, FIELDS.values()))
