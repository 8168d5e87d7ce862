"""The table of a training configuration: every field, its type and its range."""

from sdjax.config.fields import (
    Schema,
    choice,
    interval,
    number,
    one_of,
    optional,
    ramp,
    several,
    text,
    whole,
)
from sdjax.config.prior_schema import STABLE_DIFFUSION
from sdjax.config.rule_schema import ANNEALING, GRADIENT, NOISE, RULES

_FRACTION = number(at_least=0, at_most=1)
_BLOB = {"blob_scale": number(at_least=0), "blob_radius": number(above=0)}
_RAYS = {
    "radius": number(above=0),
    "samples": whole(at_least=1),
    "proposals": whole(at_least=0),
    "chunk": optional(whole(at_least=1)),
    "normal_step": optional(number(above=0)),
    "background": one_of("white", "learned", "random"),
    "shading": choice(
        "name",
        {
            "albedo": {},
            "point_light": {
                "start": whole(at_least=0),
                "probability": _FRACTION,
                "textureless": _FRACTION,
            },
        },
    ),
}

SCENES: dict[str, Schema] = {
    "image": {"spread": number(at_least=0)},
    "latents": {"spread": number(at_least=0)},
    "dense_grid": _RAYS | _BLOB,
    "hash_grid": _RAYS
    | _BLOB
    | {
        "levels": whole(at_least=1),
        "log2_table_size": whole(at_least=4, at_most=24),
        "progressive": optional(several(whole(at_least=1), count=3)),
    },
    "mlp": _RAYS | _BLOB | {"width": whole(at_least=1), "layers": whole(at_least=1)},
}

SCHEMA: Schema = {
    "prompt": text(),
    "seeds": whole(at_least=1),
    "first_seed": whole(at_least=0),
    "stages": {
        "steps": several(whole(at_least=1)),
        "resolution": several(whole(at_least=1)),
        "grid": several(whole(at_least=2)),
    },
    "prior": choice(
        "name",
        {
            "embedded": {
                "views": one_of("camera", "direction"),
                "data_std": number(at_least=0),
                "cameras": whole(at_least=1),
                "azimuth": number(),
            },
            "stable_diffusion": STABLE_DIFFUSION | {"image_size": optional(whole(at_least=8))},
        },
    ),
    "rule": choice("name", RULES),
    "annealing": ANNEALING,
    "noise": NOISE,
    "gradient": GRADIENT,
    "camera": {
        "views": whole(at_least=1),
        "elevation": interval(number(at_least=-90, at_most=90)),
        "distance": interval(number(above=0)),
        "fovy": interval(number(above=0, at_most=179)),
        "even_degrees": _FRACTION,
        "camera_perturb": number(at_least=0),
        "center_perturb": number(at_least=0),
        "up_perturb": number(at_least=0),
    },
    "scene": choice("name", SCENES),
    "losses": {
        name: ramp(number(at_least=0))
        for name in (
            "guidance",
            "orientation",
            "sparsity",
            "opaque",
            "convexity",
            "z_variance",
            "normal_smoothness",
        )
    },
    "optimizer": choice(
        "name",
        {
            "adam": {
                "learning_rate": number(above=0),
                "background_learning_rate": optional(number(above=0)),
                "final": _FRACTION,
                "b1": _FRACTION,
                "b2": _FRACTION,
                "eps": number(above=0),
            },
            "sgd": {"learning_rate": number(above=0), "final": _FRACTION},
        },
    ),
    "run": {
        "devices": whole(at_least=0),
        "mapping": one_of("auto", "map", "vmap"),
        "chunk": whole(at_least=1),
        "checkpoint_every": whole(at_least=1),
        "weight_shards": whole(at_least=1),
        "coordinator": optional(text()),
        "processes": optional(whole(at_least=1)),
        "process": optional(whole(at_least=0)),
    },
    "report": {
        "views": whole(at_least=1),
        "frames": whole(at_least=1),
        "turntable_resolution": whole(at_least=1),
        "turntable_elevation": number(at_least=-90, at_most=90),
        "turntable_format": one_of("mp4", "gif"),
        "mesh_resolution": whole(at_least=8),
        "mesh_format": one_of("glb", "obj", "ply"),
    },
}
