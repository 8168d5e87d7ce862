"""x_t, the one-step estimate and the clean variable while DDIM, FSD, DSD and SDS draw a chair.

Figures 16 to 18 of FSD (arXiv 2405.10988) and figure 2 of DSD (arXiv 2412.06780). The runs are
those of embedded_2d.py (`:stable_diffusion`: of stable_diffusion_2d.py), but SDS has FSD's falling
t, as in table 3 of that paper.

    sdjax analyse --config=analysis/trajectories --workdir=runs/trajectories

About 12 s on 2 CPU cores. From seed 0 the one-step estimates of DDIM, DSD and FSD settle on one
chair early, all on the same; those of SDS, with fresh noise at every step, go over to another.
Stable Diffusion: not run with real weights so far; on tiny networks of random weights in the tests.
"""

from ml_collections import ConfigDict

from sdjax.analysis.runs import side_by_side
from sdjax.config.errors import UserError
from sdjax.runs.schema import load_config

SPACING = {"embedded": "trailing", "stable_diffusion": None}  # None: the checkpoint's own


def get_config(prior: str = "embedded") -> ConfigDict:
    """The table with the runs of one of the two tasks."""
    if prior not in SPACING:
        raise UserError(
            f"--config=analysis/trajectories:{prior} is not known, expected one of "
            f"{', '.join(SPACING)}."
        )
    rules = {"FSD": "fsd", "DSD": "dsd", "SDS": "sds"}
    config = side_by_side({name: load_config(f"{prior}_2d:{rule}") for name, rule in rules.items()})
    config["seeds"] = 1
    config["runs"]["SDS"]["annealing"] = dict(config["runs"]["FSD"]["annealing"])
    scale = config["runs"]["FSD"]["rule"]["guidance_scale"]
    config["ddim"] = {"guidance_scale": scale, "spacing": SPACING[prior]}
    config["analysis"] = {"name": "trajectories"}
    return ConfigDict(config)
