"""At which density a scene has its surface."""

import numpy as np
from jaxtyping import Float

from sdjax.config.errors import UserError

Densities = Float[np.ndarray, "n n n"]
USUAL = 5.0  # half of the light is absorbed within 0.14
LEAST_ABSORBED = 0.1  # of the light along some line through the cube, or it is empty


def surface_density(densities: Densities, edge: float) -> float:
    """The density of the surface of what fills a cube of `edge` world units.

    It is `USUAL`, but where that would keep less than a tenth of what stands out (a faint scene, or
    one with some dense specks) the one half-way between the two classes of densities
    (Otsu 1979), those from 2 `USUAL` on being alike.  Raises UserError where there
    is nothing to see: no line along the grid absorbs `LEAST_ABSORBED` of the light.
    """
    thickness = max(densities.sum(axis).max() for axis in range(3)) * edge / len(densities)
    if not 1 - np.exp(-thickness) >= LEAST_ABSORBED:
        raise UserError(
            f"There is no surface for a mesh: the density is at most {densities.max():.3g}, so the "
            "scene is empty; look at its turntable."
        )
    middle = _middle(np.minimum(densities, 2 * USUAL))
    stands_out, usual = np.sum(densities > middle), np.sum(densities > USUAL)
    return USUAL if usual >= 0.1 * stands_out else middle


def _middle(values: np.ndarray) -> float:
    """Half-way between the means of the two classes that differ most (Otsu 1979)."""
    if values.min() == values.max():
        return float(values.max())
    counts, edges = np.histogram(values, bins=256)
    below, centres = np.cumsum(counts)[:-1], 0.5 * (edges[1:] + edges[:-1])
    above, sums = values.size - below, np.cumsum(counts * centres)
    low, high = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    best = np.argmax(1.0 * below * above * (high - low) ** 2)
    return float(low[best] + high[best]) / 2
