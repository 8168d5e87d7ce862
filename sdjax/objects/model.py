"""An object of the catalogue, and its solids as arrays of fixed shapes."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.objects.placement import placed
from sdjax.objects.solids import Model, Polyhedron, Round, Solid, Torus, Vessel

# Rows per kind of solid, enough for every object of the catalogue.
CAPACITY = {Polyhedron: 24, Round: 24, Vessel: 4, Torus: 4}


@dataclass(frozen=True, eq=False)
class Object:
    """One object of a category, in its final place.

    `words` are the colour and variant words that a prompt may use for it, besides the noun.
    """

    noun: str
    words: tuple[str, ...]
    solids: tuple[Solid, ...]

    @property
    def name(self) -> str:
        """All words and the noun: "red striped mug"."""
        return " ".join([*self.words, self.noun])


def describe(noun: str, words: str, solids: Sequence[Solid]) -> Object:
    """The object made of `solids`, moved and scaled into place; `words` are separated by
    spaces, the colour first."""
    return Object(noun, tuple(words.split()), placed(list(solids)))


def to_model(obj: Object) -> Model:
    """The arrays of one object, solids grouped by kind and padded to `CAPACITY`.

    Raises ValueError where the object has more solids of a kind than that.
    """
    groups = [[s for s in obj.solids if isinstance(s, kind)] for kind in CAPACITY]
    for group, (kind, rows) in zip(groups, CAPACITY.items(), strict=True):
        if len(group) > rows:
            raise UserError(
                f"the {obj.name} has {len(group)} solids of kind {kind.__name__}, at most {rows}"
            )
    padded = (_stack(*pair) for pair in zip(groups, CAPACITY.items(), strict=True))
    return Model(*padded, counts=np.int32([len(group) for group in groups]))


def stack_models(objects: Sequence[Object]) -> Model:
    """The models of several objects along a new leading axis."""
    return stacked([to_model(obj) for obj in objects])


def stacked(models: Sequence[Model]) -> Model:
    """Models along a new leading axis."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *models)


def _stack(group: list[Solid], capacity: tuple[type, int]) -> Solid:
    kind, rows = capacity
    blank = _blank(kind)
    rows_of_solids = group + [blank] * (rows - len(group))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *rows_of_solids)


def _blank(kind: type) -> Solid:
    zeros = np.zeros(3, np.float32)
    if kind is Polyhedron:
        return Polyhedron(np.zeros((6, 3), np.float32), np.ones(6, np.float32), zeros)
    if kind is Torus:
        return Torus(zeros, np.eye(3, dtype=np.float32), np.float32(0.1), np.float32(0), zeros)
    blank = Round(zeros, np.eye(3, dtype=np.float32), zeros, np.zeros(2, np.float32), zeros)
    return Vessel(blank, blank) if kind is Vessel else blank
