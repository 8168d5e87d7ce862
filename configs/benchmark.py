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
    """The table."""
    network = {"models": ("sd15", "sd21_base"), "image_size": 512, "dtype": "bfloat16"}
    runs = {rule: load_config(f"stable_diffusion_3d:{rule}").to_dict() for rule in RULES}
    return ConfigDict(
        {
            "sections": (
                "prediction",
                "autoencoder",
                "rendering",
                "step",
                "particles",
                "compilation",
            ),
            "method": {"repeats": 5, "seconds": 1.0},
            "peer": None,
            "profile": False,
            "peak": {"tflops": None, "matrix": 8192},  # of the device, if it is not known
            "prediction": {**network, "batches": (1, 2, 4, 8, 16, 32)},
            "autoencoder": {
                **network,
                "models": ("sd21_base",),
                "batches": (1, 4),
                "dtype": "float32",
            },
            "rendering": {"run": "sds", "resolutions": (64, 128, 256, 512)},
            "step": {"model": "sd21_base", "moments": 10},
            "particles": {
                "run": "sds",
                "counts": (1, 2, 4, 8, 16),
                "mappings": ("map", "vmap"),
                "devices": (1,),
                "steps": 4,
            },
            "compilation": {"models": ("sd21_base",), "runs": ("sds", "dsd_cached")},
            "runs": runs,
        }
    )
