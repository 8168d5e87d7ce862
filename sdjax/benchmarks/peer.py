"""The same work in PyTorch's diffusers, in processes beside this one that are told when to run."""

import importlib.util
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sdjax.benchmarks.architectures import fields_of
from sdjax.benchmarks.beside import Beside, BesideError
from sdjax.benchmarks.flops import Case
from sdjax.benchmarks.networks import GUIDANCE_SCALE, TIMESTEP, TOKENS
from sdjax.benchmarks.section import Deadline
from sdjax.config.errors import UserError
from sdjax.config.fields import number, one_of, optional

EAGER, COMPILED = "diffusers, eager", "diffusers, torch.compile"
PEER_MODES = (EAGER, COMPILED)
NEEDED = ("torch", "diffusers")
WORKER = "sdjax.benchmarks.peer_worker"
LONGEST = 600.0  # seconds for one answer: the deadline may be far, or never come
FIELDS = {
    "peer": optional(one_of("diffusers", "auto")).of(
        None, "who does the same, in turns; auto: diffusers where it is installed"
    ),
    "peer_seconds": number(above=0).of(
        120.0, "that torch.compile may take for all rows of a section together"
    ),
}


def missing() -> list[str]:
    """The packages of the peer that are not here; imports none."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def present(peer: str | None) -> bool:
    """Whether `config.peer` names one that is here."""
    return peer is not None and not missing()


def check_peer() -> None:
    """Raise a `UserError` if PyTorch or diffusers is missing."""
    if missing():
        raise UserError(
            f"config.peer is 'diffusers', but {' and '.join(missing())} cannot be imported: "
            'install them with pip install "sdjax[diffusers]", or set config.peer to None.'
        )


class Peer:
    """One mode of PyTorch: `build` the work of a row, then call this for the seconds of its calls.

    `failure` is the sentence about what it could not do; from then on its seconds are NaN, until
    the next row, or for good where its packages cannot be imported.  `budget`: seconds for
    building all rows together.  `versions`: of its packages, once they are imported.
    """

    def __init__(self, mode: str, budget: float, module: str = WORKER):
        self.mode, self.failure, self.versions = mode, None, None
        self._module, self._broken = module, None
        self._budget, self._longest = budget, 0.0
        self._deadline = Deadline.after(0.0)
        self._start()

    def build(self, case: Case, deadline: Deadline) -> None:
        """The work, at the deadline at the latest."""
        self._deadline, self.failure = deadline, self._broken
        if self._broken:
            return
        if deadline.over():
            self.failure = "not begun: no time is left."
            return
        if self._budget <= self._longest:
            self.failure = f"not begun: {max(0.0, self._budget):.0f} s are left of its limit."
            return
        if self._beside.has_ended:
            self._start()
        if not self._is_ready:
            self._import(deadline)
        if not self.failure:
            self._build(_order(case, self.mode), deadline)

    def __call__(self, calls: int) -> float:
        """Seconds of so many calls."""
        if self.failure:
            return float("nan")
        self._beside.ask({"calls": calls})
        return self._answer("a call", self._deadline).get("seconds", float("nan"))

    def end(self) -> None:
        """Ends the process."""
        self._beside.end()

    def _start(self) -> None:
        self._beside, self._is_ready = Beside(self._module), False
        self._beside.ask({})  # to import in the meantime

    def _import(self, deadline: Deadline) -> None:
        """What fails once would fail again, and is not asked again."""
        answer = self._answer(f"importing {' and '.join(NEEDED)}", deadline)
        self.versions, self._is_ready = answer.get("versions"), not self.failure
        self._broken = self.failure
        if self._broken:
            self.end()

    def _build(self, order: dict[str, Any], deadline: Deadline) -> None:
        began = time.monotonic()
        self._beside.ask(order)
        self._answer("building it", Deadline(min(deadline.end, began + self._budget)))
        taken = time.monotonic() - began
        self._budget, self._longest = self._budget - taken, max(self._longest, taken)

    def _answer(self, what: str, deadline: Deadline) -> dict[str, Any]:
        limit = Deadline(min(deadline.end, time.monotonic() + LONGEST))
        try:
            return self._beside.answer(limit, what)
        except BesideError as error:
            self.failure = str(error)
            return {}


@contextmanager
def peers(compile_seconds: float) -> Iterator[list[Peer]]:
    """One for each mode, as long as the context lasts; torch.compile may take so many seconds."""
    with ExitStack() as stack:
        started = []
        for mode in PEER_MODES:
            started.append(Peer(mode, compile_seconds if mode == COMPILED else float("inf")))
            stack.callback(started[-1].end)
        yield started


def _order(case: Case, mode: str) -> dict[str, Any]:
    kind, model, batch, image_size, dtype = case
    return {
        "kind": kind,
        "fields": fields_of(model)._asdict(),
        "batch": batch,
        "image_size": image_size,
        "dtype": str(dtype),
        "compile": mode == COMPILED,
        "timestep": TIMESTEP,
        "guidance_scale": GUIDANCE_SCALE,
        "tokens": TOKENS,
    }
