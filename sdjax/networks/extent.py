"""How large a configuration wants a network to be, beside the tensors that there are.

A few bytes of JSON can ask for millions of layers.  So nothing of a network is built, not even its
shapes, before this was looked at.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sdjax.config.errors import UserError


class Extent(NamedTuple):
    """tensors: that there are at least.  widths: the fields that are the edge of a tensor each."""

    tensors: int
    widths: Mapping[str, int]


def check_extent(extent: Extent, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """UserError if tensors of these `shapes` are too few or too small for a network; `source` is
    where they are from."""
    if len(shapes) < extent.tensors:
        raise UserError(
            f"{source} holds {len(shapes)} tensors, while its configuration asks for "
            f"{extent.tensors} or more; take both from the same model."
        )
    widest = max((max(shape, default=1) for shape in shapes.values()), default=0)
    for name, width in extent.widths.items():
        if width > widest:
            raise UserError(
                f"{source} holds no tensor wider than {widest}, while its configuration has "
                f"{name} {width}; take both from the same model."
            )
