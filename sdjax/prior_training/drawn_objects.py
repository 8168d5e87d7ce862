"""One of the package's objects in a colour, proportions and a shade that were drawn for it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sdjax.objects.model import Object
from sdjax.objects.solids import Model
from sdjax.objects.variants import COLOURS, roof, shape_words, variant
from sdjax.prior_training.captions import Words


class Variety(NamedTuple):
    """How much the objects differ from those of the catalogue."""

    stretch: float = 0.15  # each axis is 1 - stretch .. 1 times as long
    shade: float = 0.04  # of the colour, standard deviation of each channel


class Drawn(NamedTuple):
    """The arguments of `sdjax.objects.variants.variant`."""

    obj: Object
    colour: str
    roof_colour: str | None
    factors: Float[np.ndarray, "3"]
    shade: Float[np.ndarray, "3"]

    @property
    def name(self) -> str:
        """In its own colour: "red striped mug"."""
        return " ".join([self.colour, *shape_words(self.obj), self.obj.noun])

    @property
    def words(self) -> Words:
        """What there is to say of it, nothing of a view."""
        return Words(self.obj.noun, self.colour, shape_words(self.obj), self.roof_colour)

    def model(self) -> Model:
        """Its solids."""
        return variant(*self)


def draw_object(
    generator: np.random.Generator, objects: Sequence[Object], variety: Variety
) -> Drawn:
    """Any of them, in any colours, stretched and shaded as `variety` says."""
    obj = objects[generator.integers(len(objects))]
    colour, roof_colour = generator.choice(list(COLOURS), size=2)
    factors = generator.uniform(1.0 - variety.stretch, 1.0, 3)
    shade = generator.normal(0.0, variety.shade, 3)
    return Drawn(obj, str(colour), None if roof(obj) is None else str(roof_colour), factors, shade)


def might_be(drawn: Drawn, objects: Sequence[Object], variety: Variety) -> list[Drawn]:
    """What may look like it from somewhere: itself first, then the other `objects` painted and
    stretched as it is, it with every other roof, and with each axis at its longest and shortest."""
    others = [drawn._replace(obj=obj) for obj in objects if obj is not drawn.obj]
    others = [one._replace(roof_colour=_roof_of(one.obj, drawn.roof_colour)) for one in others]
    roofs = [] if drawn.roof_colour is None else [c for c in COLOURS if c != drawn.roof_colour]
    return [
        drawn,
        *others,
        *(drawn._replace(roof_colour=colour) for colour in roofs),
        *(
            drawn._replace(factors=np.where(np.arange(3) == axis, length, drawn.factors))
            for axis in range(3)
            for length in (1.0 - variety.stretch, 1.0)
        ),
    ]


def _roof_of(obj: Object, colour: str | None) -> str | None:
    return None if roof(obj) is None else colour
