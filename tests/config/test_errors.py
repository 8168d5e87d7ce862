import pytest

from sdjax.config.errors import UserError, did_you_mean, nearest, user_errors


def test_a_value_error_becomes_a_user_error_and_nothing_else_does():
    with pytest.raises(UserError, match="no such prompt"), user_errors():
        raise ValueError("no such prompt")
    with pytest.raises(ZeroDivisionError), user_errors():
        _ = 1 / 0


def test_a_user_error_passes_unchanged():
    error = UserError("a sentence")
    with pytest.raises(UserError) as caught, user_errors():
        raise error
    assert caught.value is error


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


def test_a_hint_is_given_only_if_something_is_similar():
    assert did_you_mean("dsdd", ["sds", "dsd"]) == "; did you mean 'dsd'?"
    assert did_you_mean("zzz", ["sds", "dsd"]) == "."
