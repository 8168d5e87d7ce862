"""Light that depends on the world alone, never on the camera, so that a radiance field
without view dependence can represent it exactly."""

import numpy as np
from jaxtyping import Float

from sdjax.objects.placement import GROUND
from sdjax.objects.solids import Numbers

SKY = (0.66, 0.67, 0.69)
FLOOR = (0.46, 0.44, 0.42)
KEY = (0.40, 0.38, 0.34)
KEY_DIRECTION = np.float32([0.60, 0.35, 0.72])
FILL = (0.22, 0.23, 0.26)
FILL_DIRECTION = np.float32([-0.55, -0.78, 0.30])
CONTACT = (0.76, 0.35)  # brightness on the ground, and the height over which it is regained


def shade(
    albedo: Float[Numbers, "3 points"],
    normal: Float[Numbers, "3 points"],
    height: Float[Numbers, "points"],
) -> Float[Numbers, "3 points"]:
    """Lambertian colour in [0, 1] of surface points with unit normals.

    albedo * contact(z) * (sky (1 + n_z) / 2 + floor (1 - n_z) / 2
                           + key max(0, n . k) + fill max(0, n . f)),
    where contact falls smoothly towards the ground, as if occluded by it.  JAX arrays or NumPy
    arrays, out as in.
    """
    xp = normal.__array_namespace__()
    key, fill = (
        xp.maximum(
            xp.tensordot(xp.asarray(direction / np.linalg.norm(direction)), normal, axes=1), 0.0
        )
        for direction in (KEY_DIRECTION, FILL_DIRECTION)
    )
    upward = 0.5 + 0.5 * normal[2]
    rise = xp.clip((height - GROUND) / CONTACT[1], 0.0, 1.0)
    contact = CONTACT[0] + (1.0 - CONTACT[0]) * rise * (2.0 - rise)
    light = [
        contact * (sky * upward + floor * (1.0 - upward) + strong * key + weak * fill)
        for sky, floor, strong, weak in zip(SKY, FLOOR, KEY, FILL, strict=True)
    ]
    return xp.clip(albedo * xp.stack(light), 0.0, 1.0)
