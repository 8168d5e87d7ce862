"""Light on a scene while it is trained, so that its shape cannot hide in its colours.

threestudio's "diffuse with point light" material: a picture shows, all over,

    albedo        a
    diffuse       a (ambient + diffuse max(0, n . l))
    textureless     (ambient + diffuse max(0, n . l))

with the colour a of a point, its normal n and the unit vector l to the light (DreamFusion,
arXiv 2209.14988, section 3.2).
"""

import dataclasses
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sdjax.cameras import Camera, position
from sdjax.config.fields import fields_of, fraction, whole
from sdjax.config.kinds import Kind, kinds
from sdjax.config.tables import Choice
from sdjax.scene.normals import normalise
from sdjax.scene.rendering import Progress


class Lighting(NamedTuple):
    """How one picture is lit."""

    position: Float[Array, "3"]  # of the light, world units
    ambient: Float[Array, ""]
    diffuse: Float[Array, ""]
    shaded: Bool[Array, ""]  # else the albedo
    textureless: Bool[Array, ""]  # if shaded: white instead of the albedo


@flax.struct.dataclass
class PointLight:
    """A light near the camera, drawn anew for every picture.

    Before the fraction `start` of the run a picture shows the albedo.  Afterwards it is shaded
    with `probability`, and a share `textureless` of the shaded pictures is textureless.  The
    light stands at a uniform `distance` from the origin in the direction of the camera's
    position plus a normal deviate of standard deviation `spread` (world units).  With `soft`,
    diffuse is uniform in [0, 1] and ambient the rest.  The defaults are threestudio's (but for
    its `start`, 1,000 steps); its SDI has probability 0.3 and textureless 0.75.
    """

    start: float = flax.struct.field(pytree_node=False, default=0.0)
    probability: float = flax.struct.field(pytree_node=False, default=0.75)
    textureless: float = flax.struct.field(pytree_node=False, default=0.5)
    ambient: float = flax.struct.field(pytree_node=False, default=0.1)
    diffuse: float = flax.struct.field(pytree_node=False, default=0.9)
    soft: bool = flax.struct.field(pytree_node=False, default=False)
    distance: tuple[float, float] = flax.struct.field(pytree_node=False, default=(0.8, 1.5))
    spread: float = flax.struct.field(pytree_node=False, default=1.0)

    def draw(self, key: jax.Array, camera: Camera, progress: Progress) -> Lighting:
        """The lighting of one picture from `camera` at a fraction of the run."""
        away, far, coin, texture, soft = jax.random.split(key, 5)
        near_camera = position(camera) + self.spread * jax.random.normal(away, (3,))
        low, high = self.distance
        diffuse = jax.random.uniform(soft) if self.soft else jnp.float32(self.diffuse)
        return Lighting(
            position=normalise(near_camera) * jax.random.uniform(far, minval=low, maxval=high),
            ambient=1 - diffuse if self.soft else jnp.float32(self.ambient),
            diffuse=diffuse,
            shaded=(progress >= self.start) & jax.random.bernoulli(coin, self.probability),
            textureless=jax.random.bernoulli(texture, self.textureless),
        )


def shade(
    lighting: Lighting,
    albedo: Float[Array, "*points 3"],
    points: Float[Array, "*points 3"],
    normals: Float[Array, "*points 3"],
) -> Float[Array, "*points 3"]:
    """The colour of points [world units] with unit normals: the module's equations."""
    light = jnp.broadcast_to(lighting.position, points.shape)
    facing = jnp.sum(normals * normalise(light - points), axis=-1, keepdims=True)
    received = lighting.ambient + lighting.diffuse * jnp.maximum(facing, 0.0)
    white = jnp.broadcast_to(received, albedo.shape)
    shaded = jnp.where(lighting.textureless, white, albedo * received)
    return jnp.where(lighting.shaded, shaded, albedo)


SHADINGS = kinds(
    Kind("albedo", lambda: None),
    Kind(
        "point_light",
        PointLight,
        fields_of(
            PointLight,
            start=dataclasses.replace(
                whole(at_least=0), default=0, read=lambda step, steps: step / steps
            ).says("step from which on pictures are lit"),
            probability=fraction().says("of a picture to be shaded"),
            textureless=fraction().says("share of the shaded pictures without colours"),
        ),
    ),
)
SHADING = Choice(SHADINGS, "albedo", "light on the pictures of training")
