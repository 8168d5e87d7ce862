"""The classifier that says what pictures of the package's objects show: noun, colour and side.

    sdjax train_prior --config=train_judge --workdir=runs/judge

It is trained on renderings that are disturbed anew in each step, and comes with the package as
sdjax-small-judge.  These are the defaults; `--print_config` lists all of them.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: a new network, and pictures of all objects of the package."""
    return ConfigDict({"trains": "judge", "model": {"name": "new"}})
