"""The table of a configuration of `sdjax.judge_prior`: every field, its type and its range."""

from sdjax.config.fields import number, whole
from sdjax.config.kinds import Choice
from sdjax.prior_training.schema import OBJECTS
from sdjax.priors import PRIORS
from sdjax.runs.sampling import DDIM

_NETWORKS = {name: kind for name, kind in PRIORS.items() if kind.has_network}

SCHEMA = {
    "seed": whole(at_least=0),
    "prior": Choice(_NETWORKS, "stable_diffusion"),
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
    "guidance_scale": DDIM["guidance_scale"],
    "steps": DDIM["steps"],
}
