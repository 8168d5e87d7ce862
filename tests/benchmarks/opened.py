"""A run on the embedded prior of random pictures, opened for timing."""

from sdjax.benchmarks.runs import Opened
from sdjax.benchmarks.section import Left
from sdjax.runs import build
from sdjax.runs.stages import stages
from tests import tiny
from tests.small_runs import images_config

CACHED = {"rule.ode": "cached"}
SMALL = {"stages": {"steps": (100,), "resolution": (tiny.SIZE,)}}


def rows_of(events):
    """Of a section that has room and time."""
    events = list(events)
    assert not [event for event in events if isinstance(event, Left)]
    return [event for event in events if isinstance(event, dict)]


def opened(**overrides):
    """DSD that draws a picture, at the size of `tests.tiny`."""
    config = images_config(**SMALL, **overrides)
    (stage,) = stages(config)
    recipe = build.make_recipe(config, tiny.PRIOR, stage)
    return Opened("dsd", stage, recipe, tiny.PRIOR, tiny.CONDITIONING)
