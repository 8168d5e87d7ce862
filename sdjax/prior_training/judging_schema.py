"""The table of a configuration of `sdjax.judge_prior`, put together from the files that use it."""

from sdjax.config.fields import number, optional, text, whole
from sdjax.config.kinds import Choice
from sdjax.prior_training.judge_stage import TRAINING
from sdjax.prior_training.sources import OBJECTS
from sdjax.priors import PRIORS
from sdjax.runs.sampling import DDIM
from sdjax.weights.shipped import JUDGE

_READS_CAPTIONS = {"stable_diffusion": PRIORS["stable_diffusion"]}
_MARGIN = "degrees; held-out renderings keep it from where the word for a view changes"
_WEIGHTS = optional(text()).of(JUDGE, "a judge's folder; None: one is trained first, as follows")

SCHEMA = {
    "seed": whole(at_least=0).of(0, "of everything that is drawn at random"),
    "prior": Choice(_READS_CAPTIONS, "stable_diffusion", "the checkpoint that is judged"),
    "objects": OBJECTS,
    "classifier": {"weights": _WEIGHTS, **TRAINING},
    "captions": whole(at_least=8).of(512, "pictures that are asked for"),
    "held_out": whole(at_least=8).of(1024, "renderings on which the classifier is judged"),
    "margin": number(at_least=0, at_most=44).of(10.0, _MARGIN),
    "seeds": whole(at_least=2).of(8, "pictures of one caption whose spread is measured"),
    "guidance_scale": DDIM["guidance_scale"].of(3.0),
    "steps": DDIM["steps"].of(25),
}
