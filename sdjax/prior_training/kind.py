"""What `sdjax train_prior` can train: what each kind of model says of itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.config.kinds import Fields
from sdjax.prior_training.place import Place

Model = Any  # a named tuple; its `params` are float32, by the names of the model's parts
Tell = Callable[[str, int, int], None]  # what is being made, how many are, of how many


class Training(NamedTuple):
    """One run, from where it starts to what it leaves; pictures are made when a stage asks.

    model: before the first stage, or, where the run is done, what it has left.
    is_done: whether `write` has come to its end in the run's folder.
    stages: in order; each from its last checkpoint on.
    write: the model's files to a folder, in a dtype.
    judge: figures; sheets are left in a folder.
    """

    model: Model
    is_done: bool
    stages: Mapping[str, Callable[[Model, Place], Model]]
    write: Callable[[Model, Path, Any], None]
    judge: Callable[[Model, Path], dict[str, Any]]


class Kind(NamedTuple):
    """A kind of model.

    fields: of its configurations, besides those that all kinds have.
    begin(config, folder, tell): the run of a folder; what it is to leave is `<folder>/model`.
    check(config): raises a `UserError` for what can be found wrong before anything is written.
    """

    name: str
    fields: Fields
    begin: Callable[[Any, Path, Tell], Training]
    check: Callable[[Any], None] = lambda config: None
