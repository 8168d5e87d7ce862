"""Directions against the recordings of threestudio's prompt processor."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import DIRECTIONS, Camera, view_direction
from tests import reference

CASES = reference.load("prompts")


def camera(azimuth, elevation) -> Camera:
    azimuth, elevation = jnp.asarray(azimuth), jnp.asarray(elevation)
    return Camera(azimuth, elevation, jnp.ones_like(azimuth), jnp.ones_like(azimuth))


@pytest.mark.parametrize("name", [name for name in CASES if "direction" in CASES[name]])
def test_recorded_directions(name):
    seen, recorded = CASES["cameras"], CASES[name]
    front, back, overhead = recorded["thresholds"].tolist()
    ours = view_direction(
        camera(seen["azimuth"], seen["elevation"]), front=front, back=back, overhead=overhead
    )
    np.testing.assert_array_equal(ours, recorded["direction"])
    assert set(recorded["direction"].tolist()) == set(range(4))


def test_the_names_are_in_the_recorded_order():
    assert [str(text).split()[-2] for text in CASES["strings"]["suffix"]] == list(DIRECTIONS)
