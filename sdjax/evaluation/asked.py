"""What is asked for: a noun and a colour, as one prompt and one folder."""

from typing import Any, NamedTuple

from sdjax.config.fields import one_of, several
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.captions import Words, caption

# Each is the colour of an object of the catalogue, so that the exact prior knows it too; together
# they are all ten.
OWN_COLOURS = {
    "mug": ("red", "black"),
    "house": ("yellow", "blue"),
    "chair": ("blue", "pink"),
    "car": ("green", "white"),
    "teapot": ("orange", "white"),
    "tree": ("green", "pink"),
    "sailboat": ("red", "purple"),
    "rocket": ("yellow", "teal"),
}
FIELDS = {
    "nouns": several(one_of(*CATEGORIES)).of(tuple(CATEGORIES), "what is asked for"),
    "colours": {
        noun: several(one_of(*COLOURS)).of(OWN_COLOURS[noun], f"of a {noun}, a prompt each")
        for noun in CATEGORIES
    },
}


class Asked(NamedTuple):
    """A noun in a colour."""

    noun: str
    colour: str

    @property
    def prompt(self) -> str:
        """`an orange teapot`."""
        return caption(Words(self.noun, self.colour))

    @property
    def name(self) -> str:
        """Of the run's folder, `orange_teapot`."""
        return f"{self.colour}_{self.noun}"


def asked_by(config: Any) -> list[Asked]:
    """All that a configuration asks for, each once."""
    pairs = [Asked(noun, colour) for noun in config.nouns for colour in config.colours[noun]]
    return list(dict.fromkeys(pairs))
