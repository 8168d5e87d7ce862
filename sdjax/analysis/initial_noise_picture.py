"""Results from one noise, flipped and shuffled, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from sdjax.analysis.layout import distinct_colours, fitted, framed_patches
from sdjax.reports.pictures import Pixels, contact_sheet

WIDTH = 128  # of an image
LINES = (3, 1)  # of the frames on noise, and on results that they should not hide


def initial_noise_picture(
    noise: Float[np.ndarray, "seeds kinds h w c"],
    results: Mapping[str, Float[np.ndarray, "seeds kinds height width 3"]],
    kinds: Sequence[str],
    sources: Sequence[Int[np.ndarray, "patches patches"]],
    seeds: Sequence[int],
) -> Pixels:
    """A row of noises and one of results per method; columns are the kinds of noise of each seed.

    Patches with frames of one colour start from the same noise; `sources` holds a grid per kind.
    """
    colours = distinct_colours(sources[0].size)

    def row(images, line, *, crisp=False):
        return [
            framed_patches(fitted(image, WIDTH, crisp=crisp), colours, source, line)
            for of_seed in images
            for image, source in zip(of_seed, sources, strict=True)
        ]

    thick, thin = LINES
    rows = [row(_shown(noise), thick, crisp=True)]
    rows += [row(images, thin) for images in results.values()]
    columns = [f"seed {seed}: {kind}" for seed in seeds for kind in kinds]
    return contact_sheet(rows, ["initial noise", *results], columns)


def _shown(noise: np.ndarray) -> np.ndarray:
    """Three channels of it as colours, from -2.5 to 2.5."""
    return np.clip(0.5 + noise[..., :3] / 5.0, 0.0, 1.0)
