"""Configurations that take a rule from one place and everything else from another."""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config

RULE = ("rule", "noise", "annealing", "gradient")


def with_rule_of(
    source: str | Path, base: str | Path, tables: tuple[str, ...] = RULE
) -> ConfigDict:
    """The configuration in file `base`, with `tables` of the one in file `source` in place of its
    own; to be changed further.  A UserError if one of them cannot be read."""
    config = load_config(base).to_dict()
    lent = load_config(source)
    return ConfigDict(config | {name: lent[name].to_dict() for name in tables})
