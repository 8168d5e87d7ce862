import pytest
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import (
    Field,
    choice,
    flag,
    flatten,
    interval,
    number,
    one_of,
    optional,
    several,
    text,
    validate,
    whole,
)

SCHEMA = {
    "prompt": text(),
    "steps": whole(at_least=1),
    "mesh": flag(),
    "rate": number(above=0, at_most=1),
    "mapping": optional(one_of("vmap", "map")),
    "stages": several(Field("a power of two", lambda value: value in (32, 64))),
    "camera": {"elevation": interval(number(at_least=-90, at_most=90))},
    "rule": choice(
        "name",
        {"sds": {}, "dsd": {"delta": number(at_least=0), "ode": {"steps": whole()}}},
    ),
}
VALID = {
    "prompt": "a mug",
    "steps": 1,
    "mesh": False,
    "rate": 1,
    "mapping": None,
    "stages": (32, 64),
    "camera": {"elevation": (-10, 45.5)},
    "rule": {"name": "dsd", "delta": 0.1, "ode": {"steps": 10}},
}


@pytest.mark.parametrize("table", [dict, ConfigDict, FrozenConfigDict])
def test_a_valid_configuration_passes(table):
    validate(table(VALID), SCHEMA)
    validate(table(VALID | {"mapping": "map", "rule": {"name": "sds"}}), SCHEMA)


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
        (
            {"camera": {}},
            "config.camera.elevation is missing, "
            "expected 2 values in ascending order, each a number from -90 to 90.",
        ),
        ({"camera": 3}, "config.camera is 3, expected a table of fields."),
        (
            {"rule": {"name": "dsdd"}},
            "config.rule.name is 'dsdd', expected one of sds, dsd; did you mean 'dsd'?",
        ),
        ({"rule": {"name": "zzz"}}, "config.rule.name is 'zzz', expected one of sds, dsd."),
        ({"rule": {}}, "config.rule.name is missing, expected one of sds, dsd."),
        ({"rule": "dsd"}, "config.rule is 'dsd', expected a table of fields."),
        (
            {"rule": {"name": "sds", "delta": 0.1}},
            "config.rule.delta is not a field when config.rule.name is 'sds'; "
            "the nearest is config.rule.name.",
        ),
        (
            {"rule": {"name": "dsd", "delta": 0.1, "ode": {}}},
            "config.rule.ode.steps is missing when config.rule.name is 'dsd', "
            "expected a whole number.",
        ),
        (
            {"prompt": {"text": "a mug"}},
            "config.prompt.text is not a field; the nearest is config.prompt.",
        ),
    ],
)
def test_each_violation_is_one_sentence(change, sentence):
    with pytest.raises(UserError) as caught:
        validate(VALID | change, SCHEMA)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("field", flatten(VALID))
def test_no_field_has_a_hidden_default(field):
    config = ConfigDict(VALID)
    *tables, last = field.split(".")
    table = config
    for part in tables:
        table = table[part]
    del table[last]
    with pytest.raises(UserError, match=f"config.{field} is missing"):
        validate(config, SCHEMA)


def test_a_long_value_is_cut():
    with pytest.raises(UserError) as caught:
        validate({"steps": "x" * 1000}, {"steps": whole()})
    assert len(str(caught.value)) < 120
