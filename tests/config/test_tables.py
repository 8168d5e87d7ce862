"""Whole configurations: completed with defaults, checked, and renamed where a choice changes."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import (
    Field,
    changing,
    flag,
    interval,
    number,
    one_of,
    optional,
    several,
    text,
    whole,
)
from sdjax.config.kinds import Choice, Kind, kinds
from sdjax.config.tables import check, complete, flatten, is_table, place, rename, resolve, short

RATE = number(above=0, at_most=1)
LIGHTS = kinds(Kind("none", dict), Kind("point", dict, {"start": whole(at_least=0).of(3)}))
LIGHT = Choice(LIGHTS, "none", "light")
SOLVER = {"steps": whole().of(10), "spacing": one_of("leading", "trailing").of("leading")}
RULES = kinds(
    Kind("sds", dict, {"rate": RATE.of(0.5)}),
    Kind(
        "dsd",
        dict,
        {"rate": RATE.of(0.25), "delta": number(at_least=0), "ode": SOLVER, "light": LIGHT},
    ),
    Kind("fsd", dict, {"delta": whole().of(7), "ode": SOLVER, "light": LIGHT}),
)
SCHEMA = {
    "prompt": text(),
    "steps": whole(at_least=1),
    "mesh": flag(),
    "rate": RATE,
    "mapping": optional(one_of("vmap", "map")),
    "stages": several(Field("a power of two", lambda value: value in (32, 64))),
    "camera": {"elevation": interval(number(at_least=-90, at_most=90))},
    "rule": Choice(RULES),
}
VALID = {
    "prompt": "a mug",
    "steps": 1,
    "mesh": False,
    "rate": 1,
    "mapping": None,
    "stages": [32, 64],
    "camera": {"elevation": (-10, 45.5)},
    "rule": {"name": "dsd", "delta": 0.1},
}
WHOLE = {
    **VALID,
    "rate": 1.0,
    "stages": (32, 64),
    "camera": {"elevation": (-10.0, 45.5)},
    "rule": {
        "name": "dsd",
        "rate": 0.25,
        "delta": 0.1,
        "ode": {"steps": 10, "spacing": "leading"},
        "light": {"name": "none"},
    },
}


@pytest.mark.parametrize("table", [dict, ConfigDict, FrozenConfigDict])
def test_what_is_left_out_has_its_default(table):
    given = table(VALID)
    completed = complete(given, SCHEMA)
    assert completed == WHOLE and list(completed) == list(SCHEMA)
    assert given == table(VALID)  # as it was
    other = complete(table(VALID | {"mapping": "map", "rule": {"name": "sds"}}), SCHEMA)
    assert other == WHOLE | {"mapping": "map", "rule": {"name": "sds", "rate": 0.5}}


# Tables that leave out some of what has a default, and choose.
VALUES = {
    "rate": st.floats(0, 1, exclude_min=True),
    "weight": st.floats(0, 9) | st.tuples(*[st.floats(0, 9)] * 2).map(lambda p: (0, *p, 8)),
    "count": st.integers(1, 99),
}
DEFAULTS = {
    "rate": RATE.of(0.5),
    "weight": changing(number()).of(1.0),
    "count": whole(at_least=1).of(3),
}
OPTIONAL = {**DEFAULTS, "inner": DEFAULTS, "chosen": Choice(kinds(Kind("a", dict, DEFAULTS)), "a")}
SOME = st.fixed_dictionaries({}, optional=VALUES)
TABLES = st.fixed_dictionaries({}, optional={**VALUES, "inner": SOME, "chosen": SOME})


@given(TABLES)
def test_a_completed_table_is_complete(table):
    before = copy.deepcopy(table)
    completed = complete(table, OPTIONAL)
    assert table == before
    assert complete(completed, OPTIONAL) == completed
    names = dict(resolve(OPTIONAL, completed))
    assert list(flatten(completed)) == list(names)
    for name, value in flatten(table).items():
        if not is_table(value):
            assert flatten(completed)[name] == names[name].convert(value)


@pytest.mark.slow
@given(
    TABLES, st.sampled_from(["", "inner.", "chosen."]), st.from_regex("[a-z]{1,9}", fullmatch=True)
)
def test_an_unknown_name_is_refused_and_names_a_field(table, where, name):
    fields = dict(resolve(OPTIONAL, table))
    if where + name in fields or name in ("inner", "chosen"):
        return
    for value in (1, {}, {"a": {}}):
        wrong = copy.deepcopy(table)
        place(wrong, where + name, value)
        with pytest.raises(
            UserError, match=rf"^config\.{where}{name}[.a]* is not a field"
        ) as caught:
            complete(wrong, OPTIONAL)
        assert str(caught.value).rpartition("the nearest is config.")[2][:-1] in fields


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": 0}, "config.steps is 0, expected a whole number of at least 1."),
        ({"steps": True}, "config.steps is True, expected a whole number of at least 1."),
        ({"steps": 2.0}, "config.steps is 2.0, expected a whole number of at least 1."),
        ({"steps": None}, "config.steps is None, expected a whole number of at least 1."),
        ({"prompt": 3}, "config.prompt is 3, expected a text."),
        ({"mesh": 1}, "config.mesh is 1, expected True or False."),
        ({"rate": 0}, "config.rate is 0, expected a number above 0 and of at most 1."),
        (
            {"rate": float("nan")},
            "config.rate is nan, expected a number above 0 and of at most 1.",
        ),
        (
            {"mapping": "vmpa"},
            "config.mapping is 'vmpa', expected one of vmap, map or None; did you mean 'vmap'?",
        ),
        (
            {"stages": (32, 33)},
            "config.stages is (32, 33), expected one or more values, each a power of two.",
        ),
        ({"stages": ()}, "config.stages is (), expected one or more values, each a power of two."),
        ({"stages": 32}, "config.stages is 32, expected one or more values, each a power of two."),
        (
            {"camera": {"elevation": (45, -10)}},
            "config.camera.elevation is (45, -10), "
            "expected 2 values in ascending order, each a number from -90 to 90.",
        ),
        (
            {"camera": {"elevation": (0, 1, 2)}},
            "config.camera.elevation is (0, 1, 2), "
            "expected 2 values in ascending order, each a number from -90 to 90.",
        ),
        ({"stpes": 3}, "config.stpes is not a field; the nearest is config.steps."),
        ({"stpes": {}}, "config.stpes is not a field; the nearest is config.steps."),
        ({3: 4}, "config.3 is not a field; the nearest is config.prompt."),
        ({"prompt": {}}, "config.prompt is {}, expected a text."),
        (
            {"camera": {}},
            "config.camera.elevation is missing, "
            "expected 2 values in ascending order, each a number from -90 to 90.",
        ),
        ({"camera": 3}, "config.camera is 3, expected a table of fields."),
        (
            {"rule": {"name": "dsdd"}},
            "config.rule.name is 'dsdd', expected one of sds, dsd, fsd; did you mean 'dsd'?",
        ),
        ({"rule": {"name": "zzz"}}, "config.rule.name is 'zzz', expected one of sds, dsd, fsd."),
        ({"rule": {"name": ["a"]}}, "config.rule.name is ['a'], expected one of sds, dsd, fsd."),
        ({"rule": {}}, "config.rule.name is missing, expected one of sds, dsd, fsd."),
        ({"rule": "dsd"}, "config.rule is 'dsd', expected a table of fields."),
        (
            {"rule": {"name": "sds", "delta": 0.1}},
            "config.rule.delta is not a field when config.rule.name is 'sds'; "
            "the nearest is config.rule.name.",
        ),
        (
            {"rule": {"name": "dsd", "ode": {}}},
            "config.rule.delta is missing when config.rule.name is 'dsd', "
            "expected a number of at least 0.",
        ),
        (
            {"rule": {"name": "dsd", "delta": 0.1, "ode": {"step": 3}}},
            "config.rule.ode.step is not a field when config.rule.name is 'dsd'; "
            "the nearest is config.rule.ode.steps.",
        ),
        (
            {"rule": {"name": "dsd", "delta": 0.1, "ode": 3}},
            "config.rule.ode is 3, expected a table of fields.",
        ),
        (
            {"rule": {"name": "dsd", "delta": 0.1, "light": {"start": 3}}},
            "config.rule.light.start is not a field when config.rule.light.name is 'none'; "
            "the nearest is config.rule.light.name.",
        ),
        (
            {"prompt": {"text": "a mug"}},
            "config.prompt.text is not a field; the nearest is config.prompt.",
        ),
    ],
)
def test_each_violation_is_one_sentence(change, sentence):
    with pytest.raises(UserError) as caught:
        complete(VALID | change, SCHEMA)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("field", flatten(VALID))
def test_a_field_without_a_default_has_to_be_given(field):
    config = ConfigDict(VALID)
    *tables, last = field.split(".")
    table = config
    for part in tables:
        table = table[part]
    del table[last]
    with pytest.raises(UserError, match=f"config.{field} is missing"):
        complete(config, SCHEMA)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"name": "dsd"},
            "config.guide.rule.delta is missing when config.guide.rule.name is 'dsd', expected a "
            "number of at least 0.",
        ),
        (
            {"name": "sds", "rat": 1},
            "config.guide.rule.rat is not a field when config.guide.rule.name is 'sds'; the "
            "nearest is config.guide.rule.rate.",
        ),
        ({"name": "sds", "rate": 2}, "config.guide.rule.rate is 2, expected a number above 0 and"),
        ({"name": "sd"}, "config.guide.rule.name is 'sd', expected one of sds, dsd, fsd; did you"),
    ],
)
def test_a_table_by_itself_says_where_it_stands(table, sentence):
    with pytest.raises(UserError) as caught:
        complete(table, Choice(RULES), "guide.rule.")
    assert str(caught.value).startswith(sentence)
    assert complete({"name": "sds"}, Choice(RULES), "rule.") == {"name": "sds", "rate": 0.5}


@pytest.mark.parametrize(
    ("value", "field", "told"),
    [
        ("a \ud800", text(), r"config.x is 'a \ud800', expected whole characters; a part of one"),
        (("a", "\udcff"), several(text()), "expected whole characters"),
        ("ss\ud800", one_of("sds"), "expected whole characters"),
        (10**5000, whole(), f"is a value too large to show, expected at most {2**31 - 1}."),
        (-(10**5000), whole(), "is a value too large to show, expected a whole number"),
        ([10**5000], text(), "is a value too large to show, expected at most"),
    ],
    ids=["half", "halves", "half a name", "large", "small", "list"],
)
def test_what_no_field_takes(value, field, told):
    with pytest.raises(UserError) as caught:
        check("x", value, field)
    assert told in str(caught.value)


def test_a_long_value_is_cut():
    with pytest.raises(UserError) as caught:
        check("steps", "x" * 1000, whole())
    assert len(str(caught.value)) < 120
    assert short("x" * 58) == repr("x" * 58) and len(short(["x"] * 58)) == 60


def test_the_fields_depend_on_what_is_chosen():
    names = lambda table: list(dict(resolve({"rule": Choice(RULES, "sds")}, table)))  # noqa: E731
    assert names({}) == ["rule.name", "rule.rate"]
    assert names({"rule": {"name": "fsd", "light": {"name": "point"}}}) == [
        "rule.name",
        "rule.delta",
        "rule.ode.steps",
        "rule.ode.spacing",
        "rule.light.name",
        "rule.light.start",
    ]


def test_leaves_have_dotted_names_and_empty_tables_are_leaves():
    table = {"a": 1, "b": {"c": (2,), "d": {}}, "e": ConfigDict({"f": None})}
    leaves = flatten(table)
    assert leaves == {"a": 1, "b.c": (2,), "b.d": {}, "e.f": None}
    again = {}
    for name, value in leaves.items():
        place(again, name, value)
    assert again == {"a": 1, "b": {"c": (2,), "d": {}}, "e": {"f": None}}


OF_DSD = {
    "name": "dsd",
    "rate": 0.75,
    "delta": 2,
    "ode": {"steps": 5},
    "light": {"name": "point", "start": 9},
}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("sds", {"name": "sds", "rate": 0.75}),
        # `delta` is a whole number there: another field, whatever its name
        ("fsd", {"name": "fsd", "ode": {"steps": 5}, "light": {"name": "point", "start": 9}}),
        ("dsd", OF_DSD),
        ("nothing", OF_DSD),
    ],
)
def test_what_two_kinds_share_stays_where_the_choice_changes(chosen, expected):
    table = {"prompt": "a mug", "rule": copy.deepcopy(OF_DSD)}
    renamed = rename(table, "rule.name", chosen, SCHEMA)
    assert renamed == {"prompt": "a mug", "rule": expected}
    assert table == {"prompt": "a mug", "rule": OF_DSD}


@pytest.mark.parametrize("rule", [{}, 3, {"name": "unknown", "rate": 1}])
def test_nothing_stays_where_nothing_was_chosen(rule):
    assert rename({"rule": rule}, "rule.name", "sds", SCHEMA) == {"rule": {"name": "sds"}}
    assert rename({}, "rule.name", "sds", SCHEMA) == {"rule": {"name": "sds"}}


@pytest.mark.parametrize("name", ["prompt", "camera.name", "rule", "rule.name.name", "a.name", ""])
def test_only_a_choice_is_renamed(name):
    assert rename(VALID, name, "sds", SCHEMA) == VALID


def test_a_choice_within_a_choice_is_renamed():
    table = {"rule": copy.deepcopy(OF_DSD)}
    assert rename(table, "rule.light.name", "none", SCHEMA)["rule"]["light"] == {"name": "none"}
    assert table["rule"]["light"] == {"name": "point", "start": 9}
