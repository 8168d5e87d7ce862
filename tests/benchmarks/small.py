"""A small benchmark."""

from sdjax.benchmarks.schema import load_config
from tests import reference

TINY = str(reference.FOLDER / "tiny" / "sd1_tiny")
SMALL = {
    "sections": ("rendering", "prediction"),
    "method": {"repeats": 1, "seconds": 1e-3},
    "peak.matrix": 64,
    "prediction": {"models": (TINY,), "batches": (1,), "image_size": 16},
    "rendering.resolutions": (8,),
}


def small_config(**overrides):
    return load_config(load_config("benchmark_cpu", SMALL), overrides)
