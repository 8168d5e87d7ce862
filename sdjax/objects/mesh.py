"""The true surface of an object as a triangle mesh."""

import numpy as np
from jaxtyping import Float

from sdjax.objects.lighting import shade
from sdjax.objects.model import Object
from sdjax.objects.tessellation import Triangles, surface


def to_mesh(obj: Object):
    """A `trimesh.Trimesh` in world coordinates, with vertex colours as they look lit.

    It is the union of the solids by concatenation: closed pieces that overlap.  Triangles
    share no vertices, and each has one colour, that of `lighting.shade` at its centre, so
    that the mesh compares with renderings and with meshes of radiance fields.
    """
    import trimesh  # takes longer to import than the rest of the package

    patches = [patch for solid in obj.solids for patch in surface(solid)]
    corners = np.concatenate([patch.triangles for patch in patches])
    sizes = [len(patch.triangles) for patch in patches]
    albedo = np.repeat([patch.colour for patch in patches], sizes, axis=0)
    return trimesh.Trimesh(
        vertices=corners.reshape(-1, 3),
        faces=np.arange(3 * len(corners)).reshape(-1, 3),
        vertex_colors=np.repeat(_lit(corners, albedo), 3, axis=0),
        process=False,
    )


def _lit(corners: Triangles, albedo: Float[np.ndarray, "triangles 3"]) -> np.ndarray:
    """The colour of each triangle, 0..255."""
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = np.float32(area / np.linalg.norm(area, axis=1, keepdims=True))
    lit = shade(albedo.T, normal.T, np.float32(corners[:, :, 2].mean(1)))
    return np.uint8(np.round(255 * lit.T))
