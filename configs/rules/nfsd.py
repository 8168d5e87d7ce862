"""NFSD (arXiv 2310.17590): the prediction without its noise, plus guidance of 7.5.

The negative prompt is the paper's; there is no official code.  Scene and cameras are those of SDS.

    sdjax train --config=stable_diffusion_3d:nfsd --workdir=runs/nfsd
"""

from ml_collections import ConfigDict

from sdjax.rules.nfsd import NEGATIVE_PROMPT


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "nfsd"},
            "prior": {"prompts": {"negative": NEGATIVE_PROMPT}},
            "stages": {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
