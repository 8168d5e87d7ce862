"""The arithmetic of the networks' work, by XLA's cost analysis: `python -m sdjax.benchmarks.flops`.

It is counted for a CPU: on a GPU attention and convolutions are calls of libraries, which the
analysis takes for nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax

from sdjax.benchmarks import networks
from sdjax.benchmarks.beside import Beside, BesideError, answer_requests
from sdjax.benchmarks.section import Deadline, in_short
from sdjax.benchmarks.work import Work, asked_flops

KINDS = {
    "prediction": networks.guided_prediction,
    "autoencoder": networks.encode_with_gradient,
}
Case = tuple[str, str, int, int, str]  # kind, model, batch, image size, dtype


def work_of(case: Case) -> Work:
    """The work, with shapes for arguments."""
    kind, model, batch, image_size, dtype = case
    return KINDS[kind](model, batch, image_size, jax.numpy.dtype(dtype))


class Counted(NamedTuple):
    """Operations of a case, or why they are not known."""

    flops: float | None
    why: str | None = None


class Counter:
    """Operations of cases; beside other devices they are counted meanwhile by a process on the CPU,
    since attention is chosen by the device."""

    def __init__(self, beside: Beside | None, cases: list[Case]):
        self._beside, self._known = beside, {}
        self._expected = len(cases)
        for case in cases if beside is not None else []:
            beside.ask({"case": case})

    def of(self, case: Case, deadline: Deadline) -> Counted:
        """Those of a case."""
        while case not in self._known and self._beside is not None and self._expected:
            self._expected -= 1
            try:
                answer = self._beside.answer(deadline, "counting operations")
            except BesideError as error:
                self._expected = 0  # it has ended
                return Counted(None, str(error))
            self._known[tuple(answer["case"])] = Counted(answer["flops"], answer.get("why"))
        if case not in self._known:
            if self._beside is not None:
                return Counted(None, "it was not counted")
            self._known[case] = counted(case)
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
    return {**request, **counted(tuple(request["case"]))._asdict()}


def counted(case: Case) -> Counted:
    """The operations of a case; what fails is told.

    They are those in bfloat16 whatever its dtype: in float32 programs for CPUs have columns of
    padding besides (`sdjax.networks.convolution`), which nobody asks for.
    """
    try:
        return Counted(asked_flops(work_of((*case[:-1], "bfloat16"))))
    except Exception as error:  # a row without them is a row
        return Counted(None, in_short(error))


if __name__ == "__main__":
    answer_requests(count)
