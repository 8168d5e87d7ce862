"""Speed at the sizes of Stable Diffusion with random weights: for a GPU or a TPU.

    sdjax benchmark --config=benchmark --workdir=runs/benchmark

With `--config.peer=diffusers` PyTorch does the same in turns, eagerly and compiled; with
`--config.profile=True` every program leaves a trace. The runs are the recipes of
stable_diffusion_3d.py, in which only the time of a step is looked at. Not run on an
accelerator so far, so there are no times; benchmark_cpu.py is for CPUs.
"""

from ml_collections import ConfigDict

from sdjax.runs.schema import load_config

RULES = ("sds", "fsd", "sdi", "dsd", "dsd_cached")


def get_config() -> ConfigDict:
    """The table: the runs; sizes and counts are the defaults."""
    runs = {rule: load_config(f"stable_diffusion_3d:{rule}").to_dict() for rule in RULES}
    return ConfigDict(
        {
            "rendering": {"run": "sds"},
            "particles": {"run": "sds"},
            "compilation": {"runs": ("sds", "dsd_cached")},
            "runs": runs,
        }
    )
