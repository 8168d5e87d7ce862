"""Whether this device computes what the official PyTorch code does: networks, then rules."""

import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.benchmarks import parity_networks, parity_rules
from sdjax.benchmarks.parity_networks import NETWORKS, NetworkCheck
from sdjax.benchmarks.parity_recordings import recordings_folder
from sdjax.benchmarks.parity_rules import RULES, RuleCheck
from sdjax.benchmarks.section import Deadline, Event, Left, Note, Row, in_time
from sdjax.config.fields import one_of, several, text

TITLE = "Parity"
NOTE = (
    "Small networks of random weights and one step of every rule (on a closed form in place of a "
    "network), beside numbers recorded from the official PyTorch code. The error is the largest "
    "one over the largest recorded value; 'seconds' include compilation (on a CPU without XLA's "
    "costly passes). NFSD, DSD* and exact VSD have no recording."
)
CHECKS = ("networks", "rules")
FIELDS = {
    "recordings": text().of(
        "tests/data/reference", "the folder of recorded numbers, here or in the clone of sdjax"
    ),
    "checks": several(one_of(*CHECKS)).of(CHECKS, "what is checked, in this order"),
}


class Precision(NamedTuple):
    """How a network computes, and how far it may be from the recording, by `largest_error`."""

    name: str
    dtype: Any
    matmul: str | None  # of `jax.default_matmul_precision`; None: the device's own
    bound: float | None  # None: it is only told


HIGHEST = Precision("float32, highest", jnp.float32, "highest", 1e-4)
HALF = Precision("bfloat16", jnp.bfloat16, None, 2e-2)
DEFAULT = Precision("float32, the device's own", jnp.float32, None, None)


def largest_error(found: Any, expected: Any) -> float:
    """max |found - expected| / max |expected|; ValueError for different shapes."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if found.shape != expected.shape:
        raise ValueError(f"ours has shape {found.shape}, the recorded one {expected.shape}")
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def measure_parity(recordings: str, checks: tuple[str, ...], deadline: Deadline) -> Iterator[Event]:
    """A row for each network in each precision, and for each rule; one that does not hold has
    failed besides."""
    yield Note(software())
    folder = recordings_folder(recordings)
    if folder is None:
        why = (
            f"there is no folder {recordings}, neither here nor beside the package: it is a clone's"
        )
        yield from (Left(name, why) for name in checks)
        return
    asked = {"networks": network_rows, "rules": rule_rows}
    for check in checks:  # a long row of one keeps none of the next from beginning
        for event in in_time(asked[check](folder), deadline):
            yield event
            if isinstance(event, dict) and event["holds"] == "no":
                yield Left(f"{event['what']}, {event['precision']}", _too_far(event))


def _too_far(row: Row) -> str:
    return f"error {row['error']:.2g} above {row['bound']:.2g}"


def network_rows(folder: Path) -> list[tuple[str, Callable[[], Row]]]:
    """All networks in one precision, then in the next; on a CPU the device's own is the highest."""
    precisions = [HIGHEST, HALF] + [DEFAULT] * (jax.default_backend() != "cpu")
    return [
        (f"{name}, {precision.name}", partial(_network_row, name, check, precision, folder))
        for precision in precisions
        for name, check in NETWORKS.items()
    ]


def rule_rows(folder: Path) -> list[tuple[str, Callable[[], Row]]]:
    """One step of each."""
    return [(name, partial(_rule_row, name, check, folder)) for name, check in RULES.items()]


def _network_row(name: str, check: NetworkCheck, precision: Precision, folder: Path) -> Row:
    def compare():
        evaluation = check.open(folder, precision.dtype)
        with_gradient = check.with_gradient and precision is HIGHEST
        return parity_networks.compared(evaluation, with_gradient)

    return _row(name, compare, precision)


def _rule_row(name: str, check: RuleCheck, folder: Path) -> Row:
    return _row(name, lambda: {"gradient": parity_rules.compared(check, folder)}, HIGHEST)


def _row(name: str, compare: Callable[[], dict[str, Any]], precision: Precision) -> Row:
    began = time.perf_counter()
    with jax.default_matmul_precision(precision.matmul):
        errors = {what: largest_error(*pair) for what, pair in compare().items()}
    worst = max(errors.values(), key=lambda error: np.inf if np.isnan(error) else error)
    return {
        "what": name,
        "precision": precision.name,
        "of": " and ".join(errors),
        "error": worst,
        "bound": precision.bound,
        "holds": None if precision.bound is None else "yes" if worst <= precision.bound else "no",
        "seconds": time.perf_counter() - began,
    }


def software() -> str:
    """Device, its memory and driver as far as they are known, and versions."""
    device = jax.devices()[0]
    memory = (device.memory_stats() or {}).get("bytes_limit")
    told = {
        "device": device.device_kind,
        "memory JAX may take": None if memory is None else f"{memory / 2**30:.1f} GiB",
        "driver": driver(),
        "platform": " ".join(device.client.platform_version.split()),
        **{package: version(package) for package in ("jax", "jaxlib", "flax")},
        "python": platform.python_version(),
    }
    return "; ".join(f"{name}: {value}" for name, value in told.items() if value) + "."


def driver(file: str = "/proc/driver/nvidia/version") -> str | None:
    """NVIDIA's kernel module, as Linux tells it."""
    try:
        return Path(file).read_text().splitlines()[0].partition(":")[2].strip()
    except (OSError, IndexError):
        return None
