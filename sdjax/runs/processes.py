"""A run in several processes: who is the first, and what all of them know."""

import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def is_first() -> bool:
    """Whether this process writes what the processes share."""
    return jax.process_index() == 0


def from_every_process(value: Any) -> list[Any]:
    """`value`, of a kind that JSON knows, of every process in their order; all have to call it."""
    if jax.process_count() == 1:
        return [value]
    from jax.experimental.multihost_utils import process_allgather

    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = np.asarray(process_allgather(np.int32(text.size))).reshape(-1)
    padded = np.pad(text, (0, int(lengths.max()) - text.size))
    rows = np.asarray(process_allgather(padded)).reshape(len(lengths), -1)
    return [
        json.loads(bytes(row[:length])) for row, length in zip(rows, lengths.tolist(), strict=True)
    ]


def first_does(action: Callable[[], Any]) -> None:
    """`action()` in the first process; the others go on when it is done.

    Raises `ValueError` with the same sentence in all of them if it does in the first.
    """
    problem = None
    if is_first():
        try:
            action()
        except ValueError as error:
            problem = str(error)
    problem = from_every_process(problem)[0]
    if problem is not None:
        raise ValueError(problem)
