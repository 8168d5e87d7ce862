"""Chairs from one noise, flipped and shuffled, by DDIM, FSD, DSD and DSD*.

Figure 14 of FSD (arXiv 2405.10988). The runs are those of embedded_2d.py at 32 pixels. Like
collections of photographs, and unlike those runs, the data hold the mirror image of everything.

    sdjax analyse --config=analysis/initial_noise --workdir=runs/initial_noise

About 15 s on 2 CPU cores. Upside down or shuffled, a noise leads to a chair as different as that of
another seed (64 seeds; 0.17 to 0.20 rms). Flipped left-right it leads to the very mirror image, as
it must where the data are symmetric; with `analysis.mirror_images` False there is none to be found,
and it leads to the same or another chair (0.12 to 0.14 rms; another seed 0.14 to 0.18).

`:stable_diffusion` has FSD and DSD of stable_diffusion_2d.py; not run with real weights so far, on
tiny networks of random weights in the tests.
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
            f"--config=analysis/initial_noise:{prior} is not known, expected one of "
            f"{', '.join(SPACING)}."
        )
    is_embedded = prior == "embedded"
    rules = {"FSD": "fsd", "DSD": "dsd"} | ({"DSD*": "dsd_star"} if is_embedded else {})
    small = {"stages.resolution": (32,)} if is_embedded else {}
    config = side_by_side(
        {name: load_config(f"{prior}_2d:{rule}", small) for name, rule in rules.items()}
    )
    config["seeds"] = 16 if is_embedded else 4
    scale = config["runs"]["FSD"]["rule"]["guidance_scale"]
    config["ddim"] = {"guidance_scale": scale, "spacing": SPACING[prior]}
    config["analysis"] = {"name": "initial_noise", "mirror_images": is_embedded}
    return ConfigDict(config)
