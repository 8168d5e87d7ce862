"""Diffusion models with everything around them; `PRIORS` is the only list of them.

`prior` says what each of them offers.
"""

from sdjax.config.kinds import Choice, kinds
from sdjax.priors import embedded, mvdream, stable_diffusion, zero123

PRIORS = kinds(embedded.PRIOR, stable_diffusion.PRIOR, mvdream.PRIOR, zero123.PRIOR)
PRIOR = Choice(PRIORS, "embedded", "the diffusion model that guides")
PRIOR_OF_RUNS = Choice(
    {name: kind.for_runs() for name, kind in PRIORS.items()}, PRIOR.default, PRIOR.meaning
)
