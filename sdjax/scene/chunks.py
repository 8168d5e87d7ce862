"""Rays in chunks, one after the other: an accelerator's memory holds one chunk's activations."""

from collections.abc import Callable
from typing import Any

import jax


def map_chunks(function: Callable[[Any], Any], rays: Any, most: int) -> Any:
    """`function(rays)` for a pytree whose leaves have leading axes [height, width].

    `function` treats each ray alike: it gets leaves [chunk, ...] and gives leaves [chunk, ...],
    which come back as [height, width, ...].  A chunk is the largest divisor of height * width
    up to `most` rays (>= 1), so that all chunks are of one size.
    """
    height, width = jax.tree.leaves(rays)[0].shape[:2]
    chunk = chunk_size(height * width, most)
    split = jax.tree.map(lambda leaf: leaf.reshape(-1, chunk, *leaf.shape[2:]), rays)
    mapped = jax.lax.map(function, split)
    return jax.tree.map(lambda leaf: leaf.reshape(height, width, *leaf.shape[2:]), mapped)


def chunk_size(rays: int, most: int) -> int:
    """The largest divisor of `rays` up to `most`."""
    return next(size for size in range(min(rays, most), 0, -1) if rays % size == 0)
