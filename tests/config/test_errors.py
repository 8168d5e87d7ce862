import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.config.errors import UserError, did_you_mean, nearest, short

NAMES = st.lists(st.from_regex(r"[a-z]{1,6}(\.[a-z]{1,6}){0,2}", fullmatch=True), min_size=1)


def test_a_user_error_is_a_value_error_of_one_sentence():
    error = UserError("config.steps is 0, expected 1.")
    assert isinstance(error, ValueError) and str(error) == "config.steps is 0, expected 1."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stpes", "steps"),
        ("lr", "optimiser.learning_rate"),
        ("learning_rat", "optimiser.learning_rate"),
        ("camera.elevations", "camera.elevation"),
        ("STEPS", "steps"),
    ],
)
def test_the_nearest_field(name, expected):
    names = ["seed", "steps", "camera.elevation", "camera.fovy", "optimiser.learning_rate"]
    assert nearest(name, names) == expected


@given(NAMES, st.integers(0, 100))
def test_the_nearest_to_a_name_is_that_name(names, index):
    name = names[index % len(names)]
    assert nearest(name, names) == name


def test_another_field_of_the_same_table_is_preferred():
    assert nearest("scene.sample", ["camera.sampler", "scene.samples"]) == "scene.samples"
    assert nearest("scene.levels", ["image.level", "scene.width"]) == "image.level"


def test_a_hint_is_given_only_if_something_is_similar():
    assert did_you_mean("dsdd", ["sds", "dsd"]) == "; did you mean 'dsd'?"
    assert did_you_mean("zzz", ["sds", "dsd"]) == "."


@pytest.mark.parametrize(
    "value", [10**5000, [10**5000], {"a": -(10**5000)}], ids=["number", "list", "table"]
)
def test_a_number_of_thousands_of_digits_is_named(value):
    assert short(value) == "a value too large to show"
