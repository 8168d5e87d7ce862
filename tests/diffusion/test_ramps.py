"""Scalars that change in the course of a run, and the settings that say how."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.config.fields import fraction, number
from sdjax.diffusion import ramps
from sdjax.diffusion.ramps import from_setting, needed, ramped, value_at

HALF_WAY = jnp.float32(0.5)


def test_ramps_are_constant_outside_their_knots():
    ours = [float(ramps.ramp(2.0, 6.0, 0.75, begin=0.25)(jnp.float32(p))) for p in (0, 0.5, 1)]
    assert ours == [2.0, 4.0, 6.0]
    assert ramps.value_at(3.0, jnp.float32(0.5)) == 3.0


@pytest.mark.parametrize(
    ("knots", "values", "said"),
    [((0.0, 0.0), (1.0, 2.0), "ascending"), ((0.5,), (1.0, 2.0), "1 knots and 2 values")],
)
def test_bad_knots_are_refused(knots, values, said):
    with pytest.raises(ValueError, match=said):
        ramps.piecewise(knots, values)


def test_a_ramp_may_be_a_jump():
    """The first value before it, the last from there on."""
    jump = ramps.ramp(2.0, 6.0, 0.25, begin=0.25)
    assert [float(jump(jnp.float32(p))) for p in (0.0, 0.249, 0.25, 1.0)] == [2.0, 2.0, 6.0, 6.0]


@pytest.mark.parametrize(("begin", "until"), [(-0.1, 1.0), (0.6, 0.5)])
def test_a_ramp_that_ends_before_it_begins_is_refused(begin, until):
    with pytest.raises(UserError, match=f"begin is {begin} and until {until}, expected 0 <= begin"):
        ramps.ramp(0.0, 1.0, until, begin=begin)


def test_progress_is_needed_by_a_ramp_alone():
    assert value_at(3.0, None) == 3.0
    assert needed(HALF_WAY) is HALF_WAY
    for look in (lambda: needed(None), lambda: value_at(ramps.ramp(0.0, 1.0), None)):
        with pytest.raises(UserError, match=r"progress was left out, expected step / total steps"):
            look()


def test_a_setting_is_a_number_or_a_ramp_in_steps_of_the_run():
    assert from_setting(0.3, 100) == from_setting((0.3,), 100) == 0.3
    found = from_setting((10, 0.5, 0.1, 60), 100)
    values = [float(found(jnp.float32(step / 100))) for step in (0, 10, 35, 60, 100)]
    np.testing.assert_allclose(values, [0.5, 0.5, 0.3, 0.1, 0.1], rtol=1e-6)
    late = from_setting((10, 0.5, 0.1, 60), 200)  # of a longer run the same steps
    np.testing.assert_allclose(float(late(jnp.float32(35 / 200))), 0.3, rtol=1e-6)


def test_a_ramped_field_reads_its_value_as_a_ramp():
    field = ramped(fraction()).of(0.3, "a part")
    assert field.accepts((10, 0.5, 0.1, 60)) and field.accepts(0.3) and field.accepts((0.3,))
    assert not field.accepts((10, 0.5, 1.1, 60)) and not field.accepts((60, 0.5, 0.1, 10))
    assert field.read(field.convert(field.default), 100) == 0.3
    parsed = field.convert(field.parse("10,0.5,0.1,60"))
    np.testing.assert_allclose(float(field.read(parsed, 100)(jnp.float32(0.35))), 0.3, rtol=1e-6)
    assert (field.default, field.meaning) == (0.3, "a part")
    assert ramped(number()).read(-7.0, 100) == -7.0


def test_a_jump_of_steps_is_floored_at_its_own_step():
    jump = from_setting((5, 0.98, 0.5, 5), 20)
    at = [int(jump.floored(1000, jnp.float32(step / 20))) for step in (0, 4, 5, 20)]
    assert at == [980, 980, 500, 500]
