"""VSD (ProlificDreamer, arXiv 2305.16213) with the exact score of the particles.

No second network is learned: the distribution of the particles is known, because they are seen by
the same camera in each step.

    sdjax train --config=embedded_3d:exact_vsd --workdir=runs/exact_vsd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict({"rule": {"name": "exact_vsd"}})
