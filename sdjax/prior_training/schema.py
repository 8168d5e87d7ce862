"""The table of a configuration of `sdjax.train_prior`: every field, its type and its range."""

from sdjax.config.fields import (
    flag,
    fraction,
    interval,
    number,
    one_of,
    optional,
    several,
    text,
    whole,
)
from sdjax.config.kinds import Kind, kinds
from sdjax.config.tables import Choice

_FRACTION = fraction()
_PLAN = {
    "steps": whole(at_least=0),
    "batch": whole(at_least=1),
    "learning_rate": number(above=0),
    "warmup": whole(at_least=0),
    "weight_decay": number(at_least=0),
    "average": _FRACTION,
    "clip": number(above=0),
}

OBJECTS = {
    "nouns": several(text()),
    "elevation": interval(number(at_least=-90, at_most=90)),
    "distance": interval(number(above=0)),
    "fovy": interval(number(above=0, at_most=179)),
    "overhead": number(at_least=-90, at_most=90),
    "stretch": number(at_least=0, at_most=0.9),
    "shade": number(at_least=0),
}

DATA = kinds(
    Kind(
        "objects",
        None,
        OBJECTS
        | {
            "pictures": whole(at_least=0),
            "says": dict.fromkeys(
                ("colour", "shape", "roof", "view", "prefix", "empty"), _FRACTION
            ),
        },
    ),
    Kind("folder", None, {"path": text(), "empty": _FRACTION}),
)
MODELS = kinds(
    Kind(
        "new",
        None,
        {
            "autoencoder": {
                "channels": several(whole(at_least=1)),
                "layers": whole(at_least=1),
                "latent_channels": whole(at_least=1),
                "groups": whole(at_least=1),
            },
            "text": {
                "width": whole(at_least=1),
                "layers": whole(at_least=1),
                "heads": whole(at_least=1),
                "tokens": whole(at_least=3, at_most=77),
            },
            "unet": {
                "channels": several(whole(at_least=1)),
                "layers": whole(at_least=1),
                "heads": several(whole(at_least=1)),
                "groups": whole(at_least=1),
                "attention": several(flag()),
            },
            "prediction": one_of("epsilon", "v_prediction"),
        },
    ),
    Kind("checkpoint", None, {"weights": text(), "revision": optional(text())}),
)
SCHEMA = {
    "seed": whole(at_least=0),
    "resolution": whole(at_least=8),
    "data": Choice(DATA),
    "model": Choice(MODELS),
    "autoencoder": _PLAN | {"kl": number(at_least=0)},
    "diffusion": _PLAN | {"trains_text": flag(), "timestep_power": number(above=0)},
    "save_dtype": one_of("float16", "float32"),
    "run": {"chunk": whole(at_least=1), "checkpoint_every": whole(at_least=1)},
    "report": {
        "prompts": several(text()),
        "seeds": whole(at_least=1),
        "guidance_scale": number(),
        "steps": whole(at_least=1, at_most=1000),
        "held_out": whole(at_least=1),
    },
}
