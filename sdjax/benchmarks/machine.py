"""The machine that figures belong to, and what it can do at best."""

import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from sdjax.benchmarks.method import Method, runner, time_alone
from sdjax.benchmarks.section import Row
from sdjax.benchmarks.work import Work, compiled, random_like
from sdjax.config.fields import number, optional, whole

# Dense bfloat16 matrix products, TFLOP/s, from the makers' data sheets; by `device_kind`.
BFLOAT16_PEAKS = {
    "NVIDIA A100-PCIE-40GB": 312.0,
    "NVIDIA A100 80GB PCIe": 312.0,
    "NVIDIA A100-SXM4-40GB": 312.0,
    "NVIDIA A100-SXM4-80GB": 312.0,
    "NVIDIA H100 80GB HBM3": 989.0,
    "NVIDIA H100 NVL": 835.0,
    "NVIDIA H100 PCIe": 756.0,
    "NVIDIA H200": 989.0,
    "NVIDIA L4": 121.0,
    "NVIDIA L40S": 362.0,
    "Tesla T4": 65.0,  # of float16: it has no products of bfloat16
    "TPU v4": 275.0,
    "TPU v5 lite": 197.0,  # v5e
    "TPU v5": 459.0,  # v5p
    "TPU v6 lite": 918.0,  # v6e
}
PEAK = {
    "tflops": optional(number(above=0)).of(None, "TFLOP/s of the device; None: its maker's figure"),
    "matrix": whole(at_least=16).of(8192, "rows of the matrices whose product is timed"),
}


def describe() -> dict[str, Any]:
    """Device, number of devices, cores, memory and versions."""
    devices = jax.devices()
    cores = len(os.sched_getaffinity(0))
    return {
        "device": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
        "processor": f"{_processor()}, {cores} cores",
        "host memory, GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load of the host, 1 min": round(os.getloadavg()[0], 1),
        "jax": jax.__version__,
        "python": platform.python_version(),
    }


def published_peak(dtype: Any, given: float | None) -> float | None:
    """TFLOP/s of the device in `dtype`: what the config gives, else the maker's figure for
    bfloat16, else None."""
    if given is not None:
        return given
    if jnp.dtype(dtype) != jnp.bfloat16:
        return None
    return BFLOAT16_PEAKS.get(jax.devices()[0].device_kind)


def measured_peak(size: int, dtype: Any, method: Method) -> float:
    """TFLOP/s of the product of two [size, size] matrices."""
    matrix = jax.ShapeDtypeStruct((size, size), dtype)
    program = compiled(Work(jnp.matmul, (matrix, matrix)))
    pair = random_like((matrix, matrix))
    seconds = time_alone("matrix product", runner(program.run, *pair), method).median
    return 2.0 * size**3 / seconds / 1e12


def peak_memory() -> tuple[int, str]:
    """The most bytes that this process held so far, and of what: the device's where it tells, else
    resident memory of the host."""
    if (on_device := device_peak()) is not None:
        return on_device, "device"
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "host"


def device_peak() -> int | None:
    """The most bytes that the first device ever held for this process; None where it does not
    tell, as CPUs."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def peak_of_row(before: int | None) -> Row:
    """The columns of the measured peak, from `device_peak` before the row and now.

    The peak of a process never falls: it is the row's own where it has risen, else the row took no
    more than the peak so far.
    """
    if before is None:
        return {}
    now = device_peak()
    own = now / 2**20 if now > before else None
    return {"peak memory, MiB": own, "peak so far, MiB": now / 2**20}


def age() -> float:
    """Seconds since this process began, 0 where Linux does not tell."""
    try:
        began = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        ticks = os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(began) / ticks)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def _processor() -> str:
    """The model's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
