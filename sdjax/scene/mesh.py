"""The surface of a field as a coloured triangle mesh (marching cubes, Lorensen & Cline 1987)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.scene.fields.field import Field
from sdjax.scene.glb import glb
from sdjax.scene.surface_density import surface_density

if TYPE_CHECKING:
    import trimesh

CHUNK = 65536  # points of one evaluation
SUFFIXES = (".glb", ".obj", ".ply")
Y_UP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # y right, z up, x towards us


def extract_mesh(
    field: Field,
    params: Any,
    resolution: int = 64,
    threshold: float | None = None,
    smallest: float = 0.05,
) -> "trimesh.Trimesh":
    """The surface where the density is `threshold`: closed, outwards, with vertex colours.

    The density is taken at resolution^3 points that span the field's cube, and as zero around
    it; vertices are in world units.  Without a threshold it is found (`surface_density`).
    Cavities that cannot be seen from outside are filled, and components with less
    than `smallest` of the area of the largest one (floaters) dropped.  Colours are seen from
    outside, along the reversed normal.  Raises UserError where no density exceeds the threshold.
    """
    import trimesh

    densities = _density_grid(field, params, resolution)
    if not np.isfinite(densities).all():
        raise UserError("There is no surface for a mesh: some densities are not finite.")
    if threshold is None:
        threshold = surface_density(densities, 2 * field.radius)
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
    """Write a mesh whose up is z and whose front is seen from +x (`sdjax.cameras`).

    .glb and .obj stand upright in their own axes, y up and the front towards +z; .ply has no such
    rule and keeps ours.  A UserError for another suffix.
    """
    path = Path(os.path.expanduser(path))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"A mesh was to be written to {path}; its suffix must be one of {', '.join(SUFFIXES)}."
        )
    if suffix == ".glb":
        colours = mesh.visual.vertex_colors[:, :3] / 255.0
        normals = _unit(mesh.vertex_normals)
        path.write_bytes(glb(mesh.vertices @ Y_UP.T, normals @ Y_UP.T, colours, mesh.faces))
        return
    mesh = mesh.copy()
    if suffix == ".obj":
        mesh.vertices = mesh.vertices @ Y_UP.T
    mesh.export(path)


def _unit(normals: np.ndarray) -> np.ndarray:
    """Where a vertex has no area and so no normal, one that is as good as any."""
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 0.5, normals / np.maximum(lengths, 0.5), [0.0, 0.0, 1.0])


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
