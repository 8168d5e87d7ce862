"""The arithmetic of the networks' work, by XLA's cost analysis: `python -m sdjax.benchmarks.flops`.

It is counted for a CPU: on a GPU attention and convolutions are calls of libraries, which the
analysis takes for nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from sdjax.benchmarks import networks
from sdjax.benchmarks.beside import Beside, BesideError, answer_requests
from sdjax.benchmarks.section import Deadline
from sdjax.benchmarks.work import Program, Work, asked_flops

KINDS = {
    "prediction": networks.guided_prediction,
    "autoencoder": networks.encode_with_gradient,
}
Case = tuple[str, str, int, int, str]  # kind, model, batch, image size, dtype


def work_of(case: Case) -> Work:
    """The work, with shapes for arguments."""
    kind, model, batch, image_size, dtype = case
    return KINDS[kind](model, batch, image_size, jax.numpy.dtype(dtype))


class Counter:
    """Operations of cases; those of other devices are counted meanwhile by a process on the CPU,
    since attention is chosen by the device."""

    def __init__(self, beside: Beside | None, cases: list[Case]):
        self._beside, self._known = beside, {}
        for case in cases if beside is not None else []:
            beside.ask({"case": case})

    def of(self, case: Case, program: Program, deadline: Deadline) -> float | None:
        """Those of a case, as `program` or without; None if they are not known in time."""
        if self._beside is None:
            return program.asked()
        try:
            while case not in self._known:
                answer = self._beside.answer(deadline, "counting operations")
                self._known[tuple(answer["case"])] = answer["flops"]
        except BesideError:
            return None
        return self._known[case]


@contextmanager
def counting(cases: list[Case]) -> Iterator[Counter]:
    """A counter for the time of the context."""
    if jax.default_backend() == "cpu" or not cases:
        yield Counter(None, cases)
        return
    with Beside("sdjax.benchmarks.flops", environment={"JAX_PLATFORMS": "cpu"}) as beside:
        yield Counter(beside, cases)


def count(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one case."""
    return {**request, "flops": asked_flops(work_of(tuple(request["case"])))}


if __name__ == "__main__":
    answer_requests(count)
