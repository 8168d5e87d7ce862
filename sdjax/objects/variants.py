"""Objects of the catalogue in other colours and proportions."""

from functools import cache

import numpy as np
from jaxtyping import Float

from sdjax.objects import colours
from sdjax.objects.model import Object, to_model
from sdjax.objects.placement import GROUND
from sdjax.objects.solids import Model, Polyhedron, Round, Torus, Vessel

COLOURS = {
    "red": colours.RED,
    "orange": colours.ORANGE,
    "yellow": colours.YELLOW,
    "green": colours.GREEN,
    "teal": colours.TEAL,
    "blue": colours.BLUE,
    "purple": colours.PURPLE,
    "pink": colours.PINK,
    "black": colours.BLACK,
    "white": colours.WHITE,
}

SHADE = 0.25  # albedos this close to a part's own are shades of it, and change with it

# The albedo to be repainted, where it is not that of the object's colour word.
_BODY = {
    "green house": colours.BROWN,
    "purple round house": (0.72, 0.58, 0.84),
    "red apple tree": (0.34, 0.58, 0.16),
    "white pine tree": colours.GREEN,
}
_ROOF = {
    "yellow house": colours.RED,
    "blue tall house": colours.GREY,
    "green house": colours.GREEN,
    "purple round house": colours.PURPLE,
    "red barn house": colours.GREY,
    "pink house": (0.48, 0.22, 0.36),
    "teal wide house": colours.BROWN,
}

Colour = Float[np.ndarray, "3"]


def body(obj: Object) -> Colour:
    """The albedo of the part that gives an object its colour."""
    return np.float32(_BODY.get(obj.name, COLOURS[obj.words[0]]))


def roof(obj: Object) -> Colour | None:
    """The albedo of a house's roof; None where the object has none of its own."""
    return np.float32(_ROOF[obj.name]) if obj.name in _ROOF else None


def shape_words(obj: Object) -> tuple[str, ...]:
    """What a prompt may say of the object besides its colour, such as "striped"."""
    return obj.words[1:]


def repainted(model: Model, changes: list[tuple[Colour, Colour]]) -> Model:
    """Every albedo within `SHADE` of the first colour of a change moved as that is to the second.

    All changes start from the model's own colours; the result is clipped to [0, 1].
    """

    def paint(albedo: np.ndarray) -> np.ndarray:
        painted = albedo
        for old, new in changes:
            near = np.linalg.norm(albedo - old, axis=-1, keepdims=True) < SHADE
            painted = np.where(near, np.clip(albedo + (new - old), 0.0, 1.0), painted)
        return np.float32(painted)

    outer, inner = (part._replace(colour=paint(part.colour)) for part in model.vessels)
    return model._replace(
        polyhedra=model.polyhedra._replace(colour=paint(model.polyhedra.colour)),
        rounds=model.rounds._replace(colour=paint(model.rounds.colour)),
        vessels=Vessel(outer, inner),
        tori=model.tori._replace(colour=paint(model.tori.colour)),
    )


def stretched(model: Model, factors: Float[np.ndarray, "3"]) -> Model:
    """The model scaled along the axes by `factors` > 0 about the point of `GROUND` below the
    origin; with factors of at most 1 it stays within its ball."""
    foot = np.float32([0.0, 0.0, GROUND])

    def affine(solid: Round | Torus) -> Round | Torus:
        centre = foot + factors * (solid.centre - foot)
        return solid._replace(
            centre=np.float32(centre), to_local=np.float32(solid.to_local / factors)
        )

    return model._replace(
        polyhedra=_stretched_polyhedra(model.polyhedra, factors, foot),
        rounds=affine(model.rounds),
        vessels=Vessel(*map(affine, model.vessels)),
        tori=affine(model.tori),
    )


def _stretched_polyhedra(solids: Polyhedron, factors, foot) -> Polyhedron:
    """n . x <= d is (n / s) . x' <= d - n . foot + (n / s) . foot, x' = foot + s (x - foot)."""
    normals = solids.normals / factors
    offsets = solids.offsets - solids.normals @ foot + normals @ foot
    length = np.linalg.norm(normals, axis=-1)
    length = np.where(length > 0, length, 1.0)  # an unused half-space
    return solids._replace(
        normals=np.float32(normals / length[..., None]), offsets=np.float32(offsets / length)
    )


def variant(
    obj: Object,
    colour: str,
    roof_colour: str | None = None,
    factors: Float[np.ndarray, "3"] | None = None,
    shade: Float[np.ndarray, "3"] | float = 0.0,
) -> Model:
    """The object with its body in the colour of a word of `COLOURS`, plus `shade`; a roof of its
    own may have another, and `factors` stretch it."""
    changes = [(body(obj), np.float32(COLOURS[colour]) + np.float32(shade))]
    if roof_colour is not None and roof(obj) is not None:
        changes.append((roof(obj), np.float32(COLOURS[roof_colour])))
    model = repainted(_model(obj), changes)
    return model if factors is None else stretched(model, np.float32(factors))


_model = cache(to_model)  # the same few objects, many thousand times
