"""The table of a configuration of `sdjax.judge_prior`: every field, its type and its range."""

from sdjax.config.fields import Schema, choice, number, whole
from sdjax.config.prior_schema import STABLE_DIFFUSION
from sdjax.config.prior_training_schema import OBJECTS

SCHEMA: Schema = {
    "seed": whole(at_least=0),
    "prior": choice("name", {"stable_diffusion": STABLE_DIFFUSION}),
    "objects": OBJECTS,
    "classifier": {
        "pictures": whole(at_least=1),
        "steps": whole(at_least=1),
        "batch": whole(at_least=1),
    },
    "captions": whole(at_least=8),
    "held_out": whole(at_least=8),
    "margin": number(at_least=0, at_most=44),
    "seeds": whole(at_least=2),
    "guidance_scale": number(),
    "steps": whole(at_least=1, at_most=1000),
}
