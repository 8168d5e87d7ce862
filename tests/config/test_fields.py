"""What one field of a configuration accepts, keeps and reads."""

import math

import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.config.fields import (
    LARGEST_WHOLE,
    REQUIRED,
    Field,
    changing,
    fields_of,
    flag,
    fraction,
    interval,
    listed,
    literal,
    number,
    one_of,
    optional,
    several,
    text,
    whole,
)
from sdjax.diffusion.ramps import ramped

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FINITE | st.integers(-(10**20), 10**20)
NAMES = ("vmap", "map")


def steps_then(values):
    """(first step, first value, last value, last step)."""
    steps = st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)).map(sorted)
    ramp = st.tuples(steps, values, values)
    return ramp.map(lambda parts: (parts[0][0], parts[1], parts[2], parts[0][1]))


# A field, and values that it accepts.
ACCEPTED = {
    "flag": (flag(), st.booleans()),
    "one_of": (one_of(*NAMES), st.sampled_from(NAMES)),
    "listed": (listed({"sine": math.sin, "root": math.sqrt}), st.sampled_from(["sine", "root"])),
    "whole": (whole(at_least=-3, at_most=10**6), st.integers(-3, 10**6)),
    "number": (number(), NUMBERS),
    "bounded number": (number(above=0, at_most=2), st.floats(0, 2, exclude_min=True)),
    "fraction": (fraction(), st.floats(0, 1) | st.sampled_from([0, 1])),
    "several numbers": (several(number()), st.lists(NUMBERS, min_size=1)),
    "three wholes": (
        several(whole(), count=3),
        st.tuples(*[st.integers(-LARGEST_WHOLE, LARGEST_WHOLE)] * 3),
    ),
    "several texts": (several(text()), st.lists(st.text(), min_size=1)),
    "several flags": (several(flag()), st.lists(st.booleans(), min_size=1).map(tuple)),
    "interval": (interval(number()), st.tuples(NUMBERS, NUMBERS).map(sorted)),
    "changing": (changing(number()), NUMBERS | st.tuples(NUMBERS) | steps_then(NUMBERS)),
    "ramped": (ramped(fraction()), st.floats(0, 1) | steps_then(st.floats(0, 1))),
    "optional number": (optional(number(at_least=0)), st.none() | st.floats(0, 1e300)),
    "optional several": (
        optional(several(whole())),
        st.none() | st.lists(st.integers(-LARGEST_WHOLE, LARGEST_WHOLE), min_size=1),
    ),
    "optional changing": (optional(changing(number())), st.none() | steps_then(NUMBERS)),
    "optional name": (optional(one_of(*NAMES)), st.none() | st.sampled_from(NAMES)),
}
TEXTS = {
    "text": (text(), st.text()),
    "optional text": (optional(text()), st.text().filter(lambda value: value != "None")),
}
every_field = pytest.mark.parametrize("name", [*ACCEPTED, *TEXTS])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def field_and_values(name):
    return (ACCEPTED | TEXTS)[name]


@every_field
@given(data=st.data())
def test_a_value_is_accepted_and_converted_once(name, data):
    field, values = field_and_values(name)
    value = data.draw(values)
    assert field.accepts(value)
    kept = field.convert(value)
    assert field.accepts(kept)
    again = field.convert(kept)
    assert again == kept and type(again) is type(kept)
    hash(kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACCEPTED)
@given(data=st.data())
def test_what_is_printed_of_a_value_can_be_given(name, data):
    """As `--print_config` shows it: `repr`."""
    field, values = ACCEPTED[name]
    kept = field.convert(data.draw(values))
    given_again = field.parse(str(kept) if isinstance(kept, str) else repr(kept))
    assert field.accepts(given_again) and field.convert(given_again) == kept


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
def test_a_text_is_given_without_quotes(name, data):
    field, values = TEXTS[name]
    value = data.draw(values)
    assert field.parse(value) == value


@given(given=st.text(), value=ANYTHING)
def test_anything_is_read_and_judged_without_an_error(given, value):
    for field, _ in (ACCEPTED | TEXTS).values():
        assert field.accepts(value) in (True, False)
        assert field.accepts(field.parse(given)) in (True, False)


@pytest.mark.parametrize(
    "given", ["{[]: 1}", "(" * 100_000, "-" * 100_000 + "1", "1" * 10_000, "\0", "a b", "", "'"]
)
def test_what_is_no_python_is_a_text(given):
    assert literal(given) == given


@pytest.mark.parametrize(
    ("field", "refused", "expected"),
    [
        (flag(), [1, 0, "True", None], "True or False"),
        (text(), [3, None, ("a",)], "a text"),
        (one_of(*NAMES), ["vmpa", 1, None, ["vmap"]], "one of vmap, map"),
        (whole(), [2.0, True, "2", None, (2,)], "a whole number"),
        (whole(at_least=1), [0, -1], "a whole number of at least 1"),
        (whole(at_most=9), [10], "a whole number of at most 9"),
        (whole(at_least=1, at_most=9), [0, 10], "a whole number from 1 to 9"),
        (
            number(),
            [True, "2", None, math.nan, math.inf, -math.inf, 10**400, -(10**400)],
            "a number",
        ),
        (number(above=0), [0, 0.0, -1], "a number above 0"),
        (number(above=0, at_most=1), [0, 1.5, math.nan], "a number above 0 and of at most 1"),
        (fraction(), [-0.1, 1.1], "a number from 0 to 1"),
        (several(whole()), [(), [], 3, (1, 2.5), "12"], "one or more values, each a whole number"),
        (several(whole(), count=2), [(1,), (1, 2, 3), ()], "2 values, each a whole number"),
        (
            interval(number(at_most=9)),
            [(2, 1), (1,), (1, 2, 3), (1, 10), 3, ("a", "b")],
            "2 values in ascending order, each a number of at most 9",
        ),
        (
            changing(number(at_least=0)),
            [-1, (-1,), (0, -1, 1, 9), (9, 1, 2, 0), (-1, 1, 2, 9), (0, 1, 9), ()],
            "a number of at least 0, or (first step, first value, last value, last step)",
        ),
        (optional(flag()), [1, "None"], "True or False or None"),
    ],
)
def test_what_is_refused_and_what_is_expected_instead(field, refused, expected):
    assert field.expected == expected
    for value in refused:
        assert not field.accepts(value), value


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        (flag(), "true", True),
        (flag(), "FALSE", False),
        (flag(), "1", 1),
        (text(), "None", "None"),
        (text(), "7", "7"),
        (optional(text()), "None", None),
        (optional(text()), "none", "none"),
        (number(), "1e-3", 1e-3),
        (number(), "nan", "nan"),
        (number(), "many", "many"),
        (optional(number()), "None", None),
        (several(number()), "5", (5,)),
        (several(number()), "-20,30", (-20, 30)),
        (several(number()), "(-20, 30.5)", (-20, 30.5)),
        (several(number()), "[0,1]", (0, 1)),
        (several(text()), "a, b c", ("a", "b c")),
        (several(text()), "x", ("x",)),
        (several(text()), "('a', 'b, c')", ("a", "b, c")),
        (several(text()), "1, 2.50", ("1", "2.50")),
        (several(text()), "12", ("12",)),
        (several(text()), "(1, 2)", (1, 2)),
        (optional(text()), "12", "12"),
        (optional(text()), "'a mug'", "'a mug'"),
        (several(flag()), "true,false", (True, False)),
        (changing(number()), "0,1,2,30", (0, 1, 2, 30)),
        (changing(number()), "2", 2),
        (optional(changing(number())), "None", None),
    ],
)
def test_a_text_of_the_command_line(field, given, value):
    found = field.parse(given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        (number(), 2, 2.0),
        (whole(), 2, 2),
        (several(number()), [1, 2], (1.0, 2.0)),
        (interval(number()), [1, 2], (1.0, 2.0)),
        (changing(number()), 1, 1.0),
        (changing(number()), [0, 1, 2, 3], (0.0, 1.0, 2.0, 3.0)),
        (optional(number()), None, None),
    ],
)
def test_a_value_is_kept_in_one_type(field, value, kept):
    found = field.convert(value)
    assert (found, type(found)) == (kept, type(kept))
    if isinstance(kept, tuple):
        assert list(map(type, found)) == list(map(type, kept))


def test_a_field_has_a_default_and_says_what_it_means():
    plain = number(above=0)
    assert (plain.default, plain.meaning) == (REQUIRED, "")
    said = plain.says("step size")
    assert (said.default, said.meaning) == (REQUIRED, "step size")
    assert (said.of(0.1).default, said.of(0.1).meaning) == (0.1, "step size")
    assert said.of(0.1, "another").meaning == "another"
    assert said.accepts is plain.accepts  # by which two fields are known to be one


def test_fields_of_a_function_have_its_defaults():
    def make(required, rate=0.1, shape=math.sin, limit=None, *, other=1):
        pass

    fields = fields_of(
        make,
        required=whole(),
        rate=number(),
        shape=listed({"sine": math.sin}),
        limit=optional(listed({"sine": math.sin})),
        other=whole().of(7),
    )
    defaults = {name: field.default for name, field in fields.items()}
    assert defaults == {
        "required": REQUIRED,
        "rate": 0.1,
        "shape": "sine",
        "limit": None,
        "other": 7,
    }
    with pytest.raises(KeyError):
        fields_of(make, rates=number())


def test_the_code_takes_what_is_read():
    functions = listed({"sine": math.sin, "root": math.sqrt})
    assert functions.read("root", 10) is math.sqrt
    assert functions.written(math.sin) == "sine"
    assert optional(functions).read(None, 10) is None
    assert optional(functions).read("sine", 10) is math.sin
    ramp = ramped(number()).read((0.0, 1.0, 3.0, 5.0), 10)
    values = [float(ramp(jnp.float32(progress))) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert values == [1.0, 2.0, 3.0, 3.0]
    assert ramped(number()).read(2.0, 10) == 2.0


def test_a_field_of_its_own_kind():
    """Everything but the sentence and the check may be left out."""
    power = Field("a power of two", lambda value: value in (32, 64))
    assert power.parse("32") == power.convert(32) == power.read(32, 1) == power.written(32) == 32
    assert several(power).expected == "one or more values, each a power of two"
