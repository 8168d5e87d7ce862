"""The table of a sampling configuration: every field, its type and its range."""

from sdjax.config.fields import Schema, choice, number, one_of, several, text, whole
from sdjax.config.prior_schema import STABLE_DIFFUSION

SCHEMA: Schema = {
    "prompt": text(),
    "seeds": whole(at_least=1),
    "first_seed": whole(at_least=0),
    "resolution": whole(at_least=1),
    "steps": whole(at_least=1, at_most=1000),
    "spacing": one_of("leading", "trailing"),
    "eta": number(at_least=0, at_most=1),
    "guidance_scale": number(),
    "prior": choice(
        "name",
        {
            "embedded": {"data_std": number(at_least=0)},
            "stable_diffusion": STABLE_DIFFUSION,
        },
    ),
    "camera": {
        "azimuths": several(number()),
        "elevation": number(at_least=-90, at_most=90),
        "distance": number(above=1),
        "fovy": number(above=0, at_most=179),
    },
}
