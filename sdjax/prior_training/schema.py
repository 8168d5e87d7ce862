"""The table of a configuration of `sdjax.train_prior`, put together from the files that use it."""

from typing import Any

from sdjax.config.fields import one_of, whole
from sdjax.config.kinds import Fields
from sdjax.config.loading import Overrides, pairs, read
from sdjax.prior_training.fitting import RUN
from sdjax.prior_training.kinds import KINDS

DEFAULT = "stable_diffusion"
COMMON = {
    "trains": one_of(*KINDS).of(DEFAULT, "the kind of model"),
    "seed": whole(at_least=0).of(0, "of everything that is drawn at random"),
    "resolution": whole(at_least=8).of(64, "pixels of a picture along an edge"),
    "save_dtype": one_of("float16", "float32").of("float16", "of the weights in files"),
    "run": RUN,
}


def schema_of(source: Any, overrides: Overrides = ()) -> Fields:
    """That of the kind which a configuration, with some fields replaced, trains."""
    named = dict(pairs(overrides)).get("trains", read(source).get("trains", DEFAULT))
    kind = KINDS.get(str(named), KINDS[DEFAULT])  # one that is none is told of where it is read
    return {**COMMON, **kind.fields}
