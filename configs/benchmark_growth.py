"""How the cost of a step grows with particles, samples, resolution, views and cached bins.

    sdjax benchmark --config=benchmark_growth --workdir=runs/growth

Particles, samples and resolution: the demo's last stage, with fewer cameras.  Views, pictures and
bins: networks of the sizes of `sdjax-small` with random weights.  Most of the time is compilation;
`--config.growth.kinds=views,bins` takes some of the rows.  Figures: docs/benchmark.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

import sdjax
from sdjax.runs.schema import load_config

SMALL = Path(sdjax.__file__).parent / "checkpoints" / "sdjax-small"
STAGE = {"stages": {"steps": (400,), "resolution": (64,), "grid": (64,)}}


def get_config() -> ConfigDict:
    """The table: what differs from the defaults, which are for accelerators."""
    runs = {
        "demo": load_config("demo", {**STAGE, "prior.cameras": 12}).to_dict(),
        "small": load_config("small_3d:dsd", STAGE).to_dict(),
    }
    return ConfigDict(
        {
            "sections": ("growth",),
            "minutes": 9.0,
            "method": {"repeats": 3, "seconds": 0.2},
            "growth": {"run": "demo", "network_run": "small"},
            "step": {"model": str(SMALL)},
            "rendering": {"run": "demo"},
            "particles": {"run": "demo"},
            "compilation": {"runs": ("demo",)},
            "runs": runs,
        }
    )
