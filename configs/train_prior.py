"""The small Stable Diffusion that ships with the package, trained on captioned renderings.

    sdjax train_prior --config=train_prior --workdir=runs/prior

These are the defaults; `--print_config` lists all of them.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: new networks, and pictures of all objects of the package."""
    return ConfigDict({"data": {"name": "objects"}, "model": {"name": "new"}})
