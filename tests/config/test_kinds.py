"""Lists of things from which a configuration chooses, and how they are made."""

import jax.numpy as jnp
import pytest

from sdjax.config.fields import REQUIRED, listed, number, whole
from sdjax.config.kinds import Choice, Kind, arguments, kinds, made
from sdjax.diffusion.ramps import ramped

SHADES = kinds(Kind("plain", lambda **given: ("plain", given)), Kind("lit", dict, {"at": number()}))
FIELDS = {
    "width": whole(),
    "shade": Choice(SHADES, "plain"),
    "inner": {"function": listed({"absolute": abs}), "shade": Choice(SHADES)},
    "weight": ramped(number()),
}
TABLE = {
    "name": "one",
    "width": 3,
    "shade": {"name": "lit", "at": 0.5},
    "inner": {"function": "absolute", "shade": {"name": "plain"}},
    "weight": (0.0, 1.0, 2.0, 50.0),
}


def test_kinds_are_listed_by_their_names_in_order():
    listed_kinds = kinds(Kind("b", int), Kind("a", str))
    assert list(listed_kinds) == ["b", "a"] and listed_kinds["a"].make is str
    assert listed_kinds["a"].fields == {}


def test_two_kinds_of_one_name_are_a_bug():
    with pytest.raises(ValueError, match=r"Two kinds have one name: \['a', 'b', 'a'\]"):
        kinds(Kind("a", int), Kind("b", int), Kind("a", str))


def test_the_name_of_a_choice_is_a_field():
    field = Choice(SHADES, "lit", "what light").field
    assert (field.expected, field.default, field.meaning) == (
        "one of plain, lit",
        "lit",
        "what light",
    )
    assert field.accepts("plain") and not field.accepts("plane")
    assert Choice(SHADES).field.default is REQUIRED


def test_a_kind_is_made_of_what_the_code_takes():
    """Choices inside are made, ramps count the steps of the run; what is given comes besides."""
    found = made(kinds(Kind("one", dict, FIELDS)), TABLE, 100, place="here")
    ramp = found.pop("weight")
    assert found == {
        "place": "here",
        "width": 3,
        "shade": {"at": 0.5},
        "inner": {"function": abs, "shade": ("plain", {})},
    }
    assert [float(ramp(jnp.float32(at))) for at in (0.0, 0.25, 0.5)] == [1.0, 1.5, 2.0]


def test_only_the_fields_that_are_asked_for_are_arguments():
    assert arguments({"width": FIELDS["width"]}, TABLE) == {"width": 3}
    with pytest.raises(KeyError):
        arguments({"height": whole()}, TABLE)


def test_a_name_that_is_not_listed_is_a_bug():
    with pytest.raises(KeyError, match="two"):
        made(SHADES, {"name": "two"})
