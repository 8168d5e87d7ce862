"""What a prior is to a configuration."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sdjax.cameras import Camera
from sdjax.config.kinds import Fields, Table
from sdjax.priors.band import Band as Band
from sdjax.priors.prior import Prior


class Data(NamedTuple):
    """Pictures of objects, for a prior that is made of its data."""

    names: Sequence[str]  # of the objects
    images: Float[np.ndarray, "objects views h w 3"]  # in [0, 1]


class Wanted(NamedTuple):
    """What a command wants of a prior, besides the prior's own fields."""

    prompt: str
    resolution: int | None  # pixels of the largest picture along an edge; None: the prior's own
    looking: Band | Camera | None  # from where it will be looked at; None: it does not matter
    unconditional: bool = True  # whether the prediction without a prompt is asked for
    data: Data | None = None


class PriorKind(NamedTuple):
    """A prior of the list.

    make(wanted, **fields): raises `ValueError` for what cannot be made or read.
    fields: of every command; run_fields: of a training run besides, which chooses its cameras and
      sizes itself.
    check(table, prompt): raises a UserError for what can be told at once to be wrong.
    check_run(config): the same of the whole configuration of a training run.
    has_network: whether there are weights, which may be cut into parts and adapted.
    """

    name: str
    make: Callable[..., Prior]
    fields: Fields
    run_fields: Fields
    check: Callable[[Table, str], None]
    check_run: Callable[[Any], None]
    has_network: bool

    def for_runs(self) -> "PriorKind":
        """The same with the fields of a training run."""
        return self._replace(fields={**self.fields, **self.run_fields})
