"""Tables of the networks' speed: guided noise prediction, and encoding with its gradient."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from sdjax.benchmarks.flops import Case, Counted, Counter, counting, work_of
from sdjax.benchmarks.machine import device_peak, measured_peak, peak_of_row
from sdjax.benchmarks.method import Method, Timing, runner, take_turns
from sdjax.benchmarks.networks import with_random_arguments
from sdjax.benchmarks.peer import Peer, peers
from sdjax.benchmarks.section import Deadline, Event, Note, Row, in_time
from sdjax.benchmarks.work import Program, Work, compiled, mebibytes, random_params
from sdjax.config.fields import one_of, several, text, whole
from sdjax.config.kinds import Fields
from sdjax.dtypes import DTYPES

TITLES = {
    "prediction": "Guided noise prediction",
    "autoencoder": "Encoding and its gradient",
}
NOTES = {
    "prediction": (
        "An image is one guided prediction, two passes of the UNet; random weights and latents in "
        "{dtype}, {size} pixels (8 to a latent)."
    ),
    "autoencoder": (
        "An image is encoded and its gradient taken; random weights in {dtype}, {size} pixels."
    ),
}
RATES = (
    "FLOP are those that the program asks for, by XLA's cost analysis before it optimises. "
    "Matrix products of {size} x {size} reach {measured:.3g} TFLOP/s here."
)
RATIOS = "Ratios are the other's time over that of sdjax: above 1 sdjax is faster."


def fields_of_networks(models: tuple[str, ...], batches: tuple[int, ...], dtype: str) -> Fields:
    """Those of a table, with these defaults."""
    return {
        "models": several(text()).of(models, "sizes by name, or folders in diffusers' layout"),
        "batches": several(whole(at_least=1)).of(batches, "images at once"),
        "image_size": whole(at_least=8).of(512, "pixels along an edge"),
        "dtype": one_of(*DTYPES).of(dtype, "of weights and arithmetic"),
    }


FIELDS = {
    "prediction": fields_of_networks(("sd15", "sd21_base"), (1, 2, 4, 8, 16, 32), "bfloat16"),
    "autoencoder": fields_of_networks(("sd21_base",), (1, 4), "float32"),
}


class Peaks(NamedTuple):
    """TFLOP/s of matrix products in one dtype."""

    published: float | None
    measured: float


class Company(NamedTuple):
    """What the rows of a table share."""

    peaks: Peaks
    counter: Counter
    params: dict[str, Any]  # of the last model
    programs: dict[Case, Program]  # so far


def measure_networks(
    cases: list[Case],
    published: float | None,
    matrix: int,
    compile_seconds: float | None,
    method: Method,
    deadline: Deadline,
) -> Iterator[Event]:
    """A row for each case, all of one dtype, and with PyTorch beside another with torch.compile.

    `published`: the maker's TFLOP/s; `matrix`: rows of the matrices whose product is timed;
    `compile_seconds`: of torch.compile, None without PyTorch beside.
    """
    peaks = Peaks(published, measured_peak(matrix, cases[0][-1], method))  # while all is quiet
    yield Note(RATES.format(size=matrix, measured=peaks.measured))
    with ExitStack() as stack:
        others = [] if compile_seconds is None else stack.enter_context(peers(compile_seconds))
        counter = stack.enter_context(counting(cases))
        if others:
            yield Note(RATIOS)
        company = Company(peaks, counter, {}, {})
        row = partial(_row, company, method._replace(deadline=deadline))
        for other in others or [None]:  # what takes a minute or more to compile comes last
            rows = [(_name(case, other), partial(row, case, other)) for case in cases]
            yield from in_time(rows, deadline)
            if other is not None:
                other.end()
                if other.versions:
                    yield Note(f"{other.mode[0].upper()}{other.mode[1:]}: {other.versions}.")


def _name(case: Case, other: Peer | None) -> str:
    _, model, batch, *_ = case
    return f"{model} x{batch}" + (f" beside {other.mode}" if other else "")


def _row(company: Company, method: Method, case: Case, other: Peer | None) -> Row:
    _, model, batch, *_ = case
    before = device_peak()
    work = _with_weights(work_of(case), model, company.params)
    program = company.programs.get(case) or compiled(work)
    company.programs[case] = program
    runners = {"sdjax": runner(program.run, *work.arguments)}
    if other is not None:
        other.build(case, method.deadline)
        runners[other.mode] = other
    timings = take_turns(runners, method)
    ours = timings.pop("sdjax")
    return {
        "model": model,
        "batch": batch,
        "images/s": batch / ours.median,
        "ms": 1e3 * ours.median,
        "spread, %": ours.spread,
        **_rates(company.counter.of(case, method.deadline), ours, company.peaks),
        "compile, s": program.compiling,
        "planned memory, MiB": mebibytes(program.planned),
        **peak_of_row(before),
        **_ratios(timings, ours, batch),
        **({other.mode: other.failure} if other is not None and other.failure else {}),
    }


def _with_weights(work: Work, model: str, last: dict[str, Any]) -> Work:
    """Random arguments; the weights of the `last` model are used again."""
    if model not in last:
        last.clear()
        last[model] = random_params(work.arguments[0])
    return with_random_arguments(work, last[model])


def _rates(counted: Counted, ours: Timing, peaks: Peaks) -> Row:
    flops = counted.flops
    if flops is None:
        return {"TFLOP": None, "why no TFLOP": counted.why}
    teraflops = flops / ours.median / 1e12
    row = {
        "TFLOP": flops / 1e12,
        "TFLOP/s": teraflops,
        "share of matrix product": f"{100 * teraflops / peaks.measured:.0f} %",
    }
    if peaks.published is not None:
        row["share of published peak"] = f"{100 * teraflops / peaks.published:.0f} %"
    return row


def _ratios(timings: dict[str, Timing], ours: Timing, batch: int) -> Row:
    row: dict[str, Any] = {}
    for mode, timing in timings.items():
        row |= {
            f"{mode}, images/s": batch / timing.median,
            f"{mode}, ratio": timing.median / ours.median,
        }
    return row
