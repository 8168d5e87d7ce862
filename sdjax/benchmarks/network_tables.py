"""Tables of the networks' speed: guided noise prediction, and encoding with its gradient."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from sdjax.benchmarks.flops import KINDS, Case, flops_of
from sdjax.benchmarks.method import Method, Runner, Timing, runner, take_turns
from sdjax.benchmarks.networks import with_random_arguments
from sdjax.benchmarks.peer import PEER_MODES, PeerError, peer_runner
from sdjax.benchmarks.report import Row, Section
from sdjax.benchmarks.work import compiled
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
    " FLOP are those that the program asks for, by XLA's cost analysis before it optimises. "
    "Matrix products of {matmul} reach {measured:.3g} TFLOP/s here."
)
RATIOS = " Ratios are the other's time over that of sdjax: above 1 sdjax is faster."


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
    size: int  # of the matrices measured


def measure_networks(cases: list[Case], peaks: Peaks, peer: str | None, method: Method) -> Section:
    """A row for each case, all of one kind, image size and dtype."""
    kind, _, _, image_size, dtype = cases[0]
    counted = flops_of(cases)
    rows = [
        _row(case, flops, peaks, peer, method) for case, flops in zip(cases, counted, strict=True)
    ]
    note = NOTES[kind].format(dtype=dtype, size=image_size)
    note += RATES.format(matmul=f"{peaks.size} x {peaks.size}", measured=peaks.measured)
    return Section(TITLES[kind], note + (RATIOS if peer else ""), rows)


def _row(case: Case, flops: float, peaks: Peaks, peer: str | None, method: Method) -> Row:
    kind, model, batch, image_size, dtype = case
    work = with_random_arguments(KINDS[kind](model, batch, image_size, dtype))
    program = compiled(work)
    name = f"{kind} {model} x{batch}"
    with ExitStack() as stack:
        runners = {name: runner(program.run, *work.arguments)}
        others = dict(_others(case, stack)) if peer else {}
        failures = {mode: other for mode, other in others.items() if isinstance(other, str)}
        runners |= {mode: other for mode, other in others.items() if mode not in failures}
        timings = take_turns(runners, method)
    ours = timings.pop(name)
    teraflops = flops / ours.median / 1e12
    return {
        "model": model,
        "batch": batch,
        "images/s": batch / ours.median,
        "ms": 1e3 * ours.median,
        "spread, %": 100 * (ours.slowest - ours.fastest) / ours.median,
        "TFLOP": flops / 1e12,
        "TFLOP/s": teraflops,
        "share of matrix product": f"{100 * teraflops / peaks.measured:.0f} %",
        **_share(teraflops, peaks),
        "compile, s": program.compiling,
        "planned memory, MiB": None if program.planned is None else program.planned / 2**20,
        **_ratios(timings, ours, batch),
        **failures,
    }


def _share(teraflops: float, peaks: Peaks) -> Row:
    if peaks.published is None:
        return {}
    return {"share of published peak": f"{100 * teraflops / peaks.published:.0f} %"}


def _others(case: Case, stack: ExitStack) -> Iterator[tuple[str, Runner | str]]:
    """What PyTorch does of the same, or why it does not, by its mode."""
    for mode in PEER_MODES:
        try:
            yield mode, stack.enter_context(peer_runner(case, mode))
        except PeerError as error:
            yield mode, str(error)


def _ratios(timings: dict[str, Timing], ours: Timing, batch: int) -> Row:
    row: dict[str, Any] = {}
    for mode, timing in timings.items():
        row |= {
            f"{mode}, images/s": batch / timing.median,
            f"{mode}, ratio": timing.median / ours.median,
        }
    return row
