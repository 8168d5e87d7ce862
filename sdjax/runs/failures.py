"""The seeds of a run that became infinite or NaN, as the host tells of them."""

from typing import NamedTuple

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.runs import build
from sdjax.runs.freezing import NONE, term_names
from sdjax.runs.population import Population
from sdjax.runs.run import Run

ADVICE = (
    "A smaller config.optimizer.learning_rate may help, and for a network "
    "config.prior.dtype=float32."
)


class NonFiniteError(UserError):
    """All particles became infinite or NaN, or one of a run that stops then; the message names the
    term, the seed and the step."""


class Told(NamedTuple):
    """Why a seed stopped, on the host."""

    seed: int
    step: int
    term: str  # one of `term_names`

    def __str__(self) -> str:
        return f"seed {self.seed} at step {self.step} ({self.term})"


def failures(run: Run, population: Population) -> list[Told]:
    """The seeds that stopped because something was not finite."""
    names = term_names(build.used_losses(run.config))
    steps, terms = (run.placement.gathered(leaf) for leaf in population.failure)
    rows = zip(run.seeds.tolist(), steps.tolist(), terms.tolist(), strict=True)
    return [Told(seed, step, names[term]) for seed, step, term in rows if term != NONE]


def without_failures(run: Run, particles: Population) -> tuple[Run, Population, list[Told]]:
    """The run of the seeds that went on to the end, and those that stopped."""
    told = failures(run, particles)
    if not told:
        return run, particles, told
    stopped = {one.seed for one in told}
    rows = np.array([i for i, seed in enumerate(run.seeds.tolist()) if seed not in stopped])
    here = jax.tree.map(lambda leaf: leaf[rows], run.placement.gathered(particles.particles))
    placement = run.placement._replace(particles=len(rows))
    rest = run._replace(seeds=run.seeds[rows], placement=placement)
    return rest, Population(*here, particles.shared), told


def check_going_on(run: Run, told: list[Told]) -> None:
    """Raises `NonFiniteError` where a run with these failures ends."""
    stops = run.config.run.on_nonfinite == "stop"
    if told and (stops or len(told) == len(run.seeds)):
        raise NonFiniteError(
            f"{told[0]} became infinite or NaN{'' if stops else ', and so did all others'}; the "
            f"checkpoints before it are kept. {ADVICE}"
        )
