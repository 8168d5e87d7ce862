"""The small form of benchmark.py for CPUs: the embedded prior, and networks of a tenth of
SD 1.5's channels at 256 pixels ("sd" in the names of runs).

3 minutes on 2 CPU cores, 5 with a peer; on a busy machine the figures are no figures,
which the column `spread` tells.

    sdjax benchmark --config=benchmark_cpu --workdir=runs/benchmark_cpu
"""

from ml_collections import ConfigDict

from sdjax.runs.schema import load_config

STAGE = {"steps": (400,), "resolution": (64,)}


def get_config() -> ConfigDict:
    """The table: what differs from the defaults, which are for accelerators."""
    small = {"models": ("small",), "image_size": 256, "dtype": "float32"}
    return ConfigDict(
        {
            "minutes": 3.0,
            "peer_minutes": 2.0,
            "peer_seconds": 60.0,
            "shares": {"prediction": 2.0, "step": 3.0, "compilation": 2.5},
            "method": {"repeats": 3, "seconds": 0.1},
            "peak": {"matrix": 2048},
            "prediction": {**small, "batches": (1, 2, 4)},
            "autoencoder": {**small, "batches": (1,)},
            "rendering": {"run": "dsd cached", "resolutions": (32, 64, 128)},
            "step": {"model": "small", "moments": 5},
            "particles": {
                "run": "dsd cached",
                "mappings": ("map",),  # vmap is slower on CPUs
                "devices": (1, 0),
                "steps": 2,
            },
            "compilation": {"models": ("small",), "runs": ("dsd cached",)},
            "runs": {
                "sds": embedded("sds"),
                "fsd": embedded("fsd"),
                "sdi": embedded("sdi"),
                "dsd simulated": embedded("dsd", **{"rule.ode": "simulated"}),
                "dsd cached": embedded("dsd"),
                "sd dsd simulated": stable_diffusion("dsd"),
                "sd dsd cached": stable_diffusion("dsd_cached"),
            },
        }
    )


def embedded(rule, **overrides):
    """A run at the resolution and with the grid of the demo's last stage."""
    stage = {"stages": {**STAGE, "grid": (64,)}}
    return load_config(f"embedded_3d:{rule}", {**stage, **overrides}).to_dict()


def stable_diffusion(rule):
    """The official recipe at 64 pixels, its latents at those of `image_size`."""
    stage = {"steps": (400,), "resolution": (64,), "grid": (2,)}
    prior = {"image_size": 256, "dtype": "float32"}
    return load_config(f"stable_diffusion_3d:{rule}", {"stages": stage, "prior": prior}).to_dict()
