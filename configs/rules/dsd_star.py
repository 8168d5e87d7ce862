"""DSD* (arXiv 2412.06780, section 3.2): the sampling form of DSD, which is DDIM.

sdjax train --config=embedded_2d:dsd_star --workdir=runs/dsd_star
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict({"rule": {"name": "dsd_star"}})
