"""The kinds of models that `sdjax train_prior` trains; `KINDS` is the only list of them."""

from sdjax.config.kinds import kinds
from sdjax.prior_training import stable_diffusion

KINDS = kinds(stable_diffusion.KIND)
