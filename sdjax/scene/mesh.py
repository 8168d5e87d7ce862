"""The surface of a field as a coloured triangle mesh (marching cubes, Lorensen & Cline 1987)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.scene.fields.field import Field

if TYPE_CHECKING:
    import trimesh

CHUNK = 65536  # points of one evaluation
SUFFIXES = (".glb", ".obj", ".ply")


def extract_mesh(
    field: Field,
    params: Any,
    resolution: int = 64,
    threshold: float = 5.0,
    smallest: float = 0.05,
) -> "trimesh.Trimesh":
    """The surface where the density is `threshold`: closed, outwards, with vertex colours.

    The density is taken at resolution^3 points that span the field's cube, and as zero around
    it; vertices are in world units.  At the default threshold half of the light is absorbed
    within 0.14.  Cavities that cannot be seen from outside are filled, and components with less
    than `smallest` of the area of the largest one (floaters) dropped.  Colours are seen from
    outside, along the reversed normal.  Raises ValueError where no density exceeds the threshold.
    """
    import trimesh

    densities = _density_grid(field, params, resolution)
    if not densities.max() > threshold:
        raise UserError(
            f"A mesh was asked at density {threshold:.3g}, but the density is at most "
            f"{densities.max():.3g}; the scene is empty, or the threshold should be lower."
        )
    vertices, faces = _surface(densities, threshold)
    vertices = vertices if field.radius == 1.0 else field.radius * vertices
    mesh = _without_floaters(trimesh.Trimesh(vertices, faces), smallest)
    _, colours = _evaluate(field, params, mesh.vertices, -mesh.vertex_normals)
    mesh.visual.vertex_colors = np.round(255 * colours).astype(np.uint8)
    return mesh


def save_mesh(mesh: "trimesh.Trimesh", path: str | Path) -> None:
    """Write a mesh as .glb, .obj or .ply; another suffix is a ValueError."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(
            f"A mesh was to be written to {path}; its suffix must be one of {', '.join(SUFFIXES)}."
        )
    mesh.export(path)


def _density_grid(field: Field, params: Any, resolution: int) -> np.ndarray:
    axis = np.linspace(-field.radius, field.radius, resolution)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    down = np.broadcast_to([0.0, 0.0, -1.0], points.shape)
    return _evaluate(field, params, points, down)[0].reshape((resolution,) * 3)


def _evaluate(
    field: Field, params: Any, points: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Density and colour, in chunks of one size so that one compilation serves them all."""
    chunks = -(-len(points) // CHUNK)
    padded = np.zeros((2, chunks * CHUNK, 3), np.float32)
    padded[:, : len(points)] = points, directions
    results = [
        _evaluate_chunk(field, params, *chunk)
        for chunk in padded.reshape(2, chunks, CHUNK, 3).swapaxes(0, 1)
    ]
    densities, colours = (np.concatenate(values) for values in zip(*results, strict=True))
    return densities[: len(points)], colours[: len(points)]


@jax.jit
def _evaluate_chunk(
    field: Field,
    params: Any,
    points: Float[Array, "n 3"],
    directions: Float[Array, "n 3"],
) -> tuple[Float[Array, "n"], Float[Array, "n 3"]]:
    return field(params, points, directions)


def _surface(densities: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in [-1, 1]^3 and faces.  Between grid points the raw density (softplus's
    inverse) is taken as linear, because that is what fields interpolate."""
    from scipy.ndimage import binary_fill_holes
    from skimage.measure import marching_cubes

    inside = densities > threshold
    cavities = binary_fill_holes(inside) & ~inside
    densities = np.where(cavities, densities.max(), densities)
    raw = np.pad(_raw(densities), 1, constant_values=-1e4)  # steep: closed right at the faces
    level = _raw(np.array([threshold])).item()
    vertices, faces, _, _ = marching_cubes(raw, level, gradient_direction="ascent")
    return (vertices - 1) * (2 / (densities.shape[0] - 1)) - 1, faces


def _raw(density: np.ndarray) -> np.ndarray:
    density = np.maximum(density.astype(np.float64), 1e-30)
    return density + np.log(-np.expm1(-density))


def _without_floaters(mesh: "trimesh.Trimesh", smallest: float) -> "trimesh.Trimesh":
    import trimesh

    parts = mesh.split(only_watertight=False)
    largest = max(part.area for part in parts)
    return trimesh.util.concatenate([part for part in parts if part.area >= smallest * largest])
