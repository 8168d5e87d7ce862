"""Where configurations come from, and what is changed in them from outside."""

import types

import numpy as np
import pytest
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import interval, number, several, text, whole
from sdjax.config.kinds import Choice, Kind, kinds
from sdjax.config.loading import as_stored, freeze, rules_of
from tests.config.like import like, load

FILE = """
from ml_collections import ConfigDict

def get_config():
    config = ConfigDict({
        "prompt": "a mug",
        "steps": 300,
        "learning_rate": 0.05,
        "mesh": True,
        "weights": None,
        "camera": {"elevation": (-10.0, 45.0), "tags": ["a"]},
        "rule": {"name": "dsd", "cfg": 1.0},
    })
    config.camera.frames = config.get_ref("steps")
    return config
"""
TASK = """
RULES = ("sds", "dsd")

def get_config(rule="dsd"):
    return {"rule": {"name": rule}}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "demo.py").write_text(FILE)
    return tmp_path / "demo.py"


@pytest.fixture
def task(tmp_path):
    (tmp_path / "task.py").write_text(TASK)
    return tmp_path / "task.py"


def test_a_file_a_module_and_a_table_are_the_same(path):
    namespace = {}
    exec(FILE, namespace)
    from_file = load(path)
    assert from_file == load(str(path))
    assert from_file == load(types.SimpleNamespace(get_config=namespace["get_config"]))
    assert from_file == load(from_file)
    assert from_file == load(from_file.to_dict())
    assert from_file.steps == 300


def test_what_a_file_takes_stands_behind_a_colon(path, task):
    assert load(f"{task}:sds").rule.name == "sds"
    assert load(f"{task}:dsd") == load(task) == load(str(task))
    assert (rules_of(task), rules_of(path)) == (("sds", "dsd"), ())
    with pytest.raises(UserError, match=rf"^--config={path}:x names 'x', but .* takes nothing\.$"):
        load(f"{path}:x")


def test_the_result_cannot_be_changed(path):
    config = load(path)
    assert isinstance(config, FrozenConfigDict)
    assert hash(config) == hash(load(path))
    with pytest.raises(AttributeError):
        config.steps = 3


def test_an_edited_file_is_read_again(path):
    assert load(path).steps == 300
    path.write_text(FILE.replace("300", "400"))
    assert load(path).steps == 400


@pytest.mark.parametrize(
    ("override", "field", "value"),
    [
        ("steps=10", "steps", 10),
        ("config.steps=10", "steps", 10),
        ("--config.steps=10", "steps", 10),
        ("learning_rate=1", "learning_rate", 1.0),
        ("learning_rate=1e-3", "learning_rate", 1e-3),
        ("mesh=false", "mesh", False),
        ("prompt=a red mug", "prompt", "a red mug"),
        ("prompt=7=8", "prompt", "7=8"),
        ("prompt=7", "prompt", "7"),
        ("prompt=", "prompt", ""),
        ("prompt=None", "prompt", "None"),
        ("weights=None", "weights", None),
        ("weights=1.5", "weights", 1.5),
        ("weights=runs/x", "weights", "runs/x"),
        ("rule.name=sds", "rule.name", "sds"),
        ("camera.elevation=-20,30", "camera.elevation", (-20.0, 30.0)),
        ("camera.elevation=(-20, 30.5)", "camera.elevation", (-20.0, 30.5)),
        ("camera.elevation=[0,1]", "camera.elevation", (0.0, 1.0)),
        ("camera.elevation=5", "camera.elevation", (5.0,)),
        ("camera.tags=x,y", "camera.tags", ("x", "y")),
        ("camera.tags=1,2", "camera.tags", ("1", "2")),
    ],
)
def test_a_text_is_read_as_the_type_of_its_field(path, override, field, value):
    """Of a table that is complete, each field accepts values of the type that it has."""
    found = load(path, [override])
    for part in field.split("."):
        found = found[part]
    assert (found, type(found)) == (value, type(value))


def test_values_are_taken_as_they_are(path):
    overrides = {"steps": np.int64(5), "rule": {"cfg": 7}, "camera.elevation": [0, 1]}
    config = load(path, overrides)
    assert (config.steps, config.rule.cfg, config.rule.name) == (5, 7.0, "dsd")
    assert type(config.steps) is int
    assert config.camera.elevation == (0.0, 1.0)
    assert load(path, {"steps": np.float64(2.0).astype(np.int32)}).steps == 2


def test_the_last_of_two_overrides_counts(path):
    assert load(path, ["steps=1", "steps=2"]).steps == 2


def test_fields_computed_from_another_have_been_computed(path):
    """They are values like all others: what differs is said of each."""
    config = load(path, ["steps=12"])
    assert (config.steps, config.camera.frames) == (12, 300)


def test_the_given_table_is_not_changed():
    given = ConfigDict({"rule": {"cfg": 1.0}})
    assert load(given, {"rule.cfg": 2.0}).rule.cfg == 2.0
    assert given.rule.cfg == 1.0


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("stesp=3", "config.stesp is not a field; the nearest is config.steps."),
        ("elevation=3", "config.elevation is not a field; the nearest is config.camera.elevation."),
        ("rule.nmae=x", "config.rule.nmae is not a field; the nearest is config.rule.name."),
        ("steps.x=3", "config.steps.x is not a field; the nearest is config.steps."),
        ("rule=x", "config.rule is a table; set one of its fields, as config.rule.cfg."),
        ("steps", "config.steps has no value, expected --config.steps=VALUE."),
        ("steps=many", "config.steps is 'many', expected a whole number."),
        ("steps=", "config.steps is '', expected a whole number."),
        ("steps=None", "config.steps is None, expected a whole number."),
        ("steps=2.5", "config.steps is 2.5, expected a whole number."),
        ("steps=true", "config.steps is 'true', expected a whole number."),
        ("learning_rate=nan", "config.learning_rate is 'nan', expected a number, or (first step,"),
        ("learning_rate=1e999", "config.learning_rate is inf, expected a number, or (first step,"),
        ("mesh=1", "config.mesh is 1, expected True or False."),
        (
            "camera.elevation=low,high",
            "config.camera.elevation is ('low', 'high'), "
            "expected one or more values, each a number.",
        ),
        (
            "camera.tags=(1, 2)",
            "config.camera.tags is (1, 2), expected one or more values, each a text.",
        ),
    ],
)
def test_a_bad_override_is_one_sentence(path, override, sentence):
    with pytest.raises(UserError) as caught:
        load(path, [override])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("value", ["10", 2.5, True, [1]])
def test_a_value_of_another_type_is_refused(path, value):
    with pytest.raises(UserError, match=r"^config.steps is .*, expected a whole number\.$"):
        load(path, {"steps": value})


RULES = kinds(
    Kind("sds", dict, {"scale": number().of(100.0)}),
    Kind("dsd", dict, {"scale": number().of(7.5), "ode": whole(at_least=1).of(10)}),
)
SCHEMA = {
    "prompt": text().of("a house"),
    "elevation": interval(number()).of((-10.0, 45.0)),
    "names": several(text()).of(("a",)),
    "rule": Choice(RULES, "sds"),
}


def test_a_schema_brings_defaults_types_and_choices():
    assert load({}, schema=SCHEMA).to_dict() == {
        "prompt": "a house",
        "elevation": (-10.0, 45.0),
        "names": ("a",),
        "rule": {"name": "sds", "scale": 100.0},
    }
    # A choice comes first, wherever it stands: it decides which fields there are.
    changes = ["rule.ode=3", "prompt=None", "names=y,x", "rule.name=dsd"]
    config = load({"elevation": [0, 1]}, changes, SCHEMA)
    assert config.rule.to_dict() == {"name": "dsd", "scale": 7.5, "ode": 3}
    assert (config.prompt, config.names, config.elevation) == ("None", ("y", "x"), (0.0, 1.0))
    assert load({}, {"rule": {"name": "dsd", "ode": 3}}, SCHEMA).rule.ode == 3


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["rule.ode=3"], "config.rule.ode is not a field when config.rule.name is 'sds'; the near"),
        (["rule.name=sd"], "config.rule.name is 'sd', expected one of sds, dsd; did you mean"),
        (["rule.name=dsd", "rule.ode=0"], "config.rule.ode is 0, expected a whole number of at"),
        ({"rule": "dsd"}, "config.rule is a table; set one of its fields, as config.rule.name."),
        ({"rule": {}}, "config.rule is a table; set one of its fields, as config.rule.name."),
        ({"elevation": (1, 0)}, "config.elevation is (1, 0), expected 2 values in ascending"),
    ],
)
def test_a_bad_override_of_a_schema_is_one_sentence(overrides, sentence):
    with pytest.raises(UserError) as caught:
        load({}, overrides, SCHEMA)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "The configuration file {path} has no function get_config()."),
        ("get_config = {}", "The configuration file {path} has no function get_config()."),
        ("x = (", "The configuration file {path} failed: SyntaxError: '(' was never closed"),
        ("\nx = y", "The configuration file {path} failed in line 2: NameError: name 'y'"),
        (
            "def get_config():\n    return 1 / 0",
            "The configuration file {path} failed in line 2: ZeroDivisionError",
        ),
        (
            "def get_config(rule):\n    return {}",
            "The configuration file {path} failed: TypeError: get_config() missing 1 required",
        ),
        (
            "def get_config():\n    return 7",
            "{path} is no configuration but 7, expected a path, a ",
        ),
        (
            "def get_config():\n    return {'rule.name': 'dsd'}",
            "{path} is no configuration: ConfigDict does not accept dots in field names",
        ),
        (
            "def get_config():\n    return {'stages': [{'steps': 1}]}",
            "config.stages is a sequence of tables, expected plain values.",
        ),
        (
            "from sdjax.config.errors import UserError\nraise UserError('a sentence of its own.')",
            "a sentence of its own.",
        ),
    ],
)
def test_a_bad_file_is_one_sentence(path, source, sentence):
    path.write_text(source)
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(caught.value).startswith(sentence.format(path=path))


def test_a_file_that_cannot_be_read_is_one_sentence(path, monkeypatch):
    def read_bytes(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", read_bytes)
    with pytest.raises(UserError, match=rf"^The configuration file {path} cannot be read: Permiss"):
        load(path)


def test_a_source_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"^3 is no configuration but 3, expected a path"):
        load(3)


def test_a_complete_table_says_itself_what_it_accepts():
    schema = like({"a": 1, "b": {"c": 0.5}, "d": (1, 2.0), "e": ("x",), "f": None, "g": ()})
    expected = {name: field.expected for name, field in schema.items() if name != "b"}
    assert expected == {
        "a": "a whole number",
        "d": "one or more values, each a number",
        "e": "one or more values, each a text",
        "f": "anything",
        "g": "one or more values, each anything",
    }
    assert schema["b"]["c"].default == 0.5 and schema["b"]["c"].accepts((0, 1.0, 2.0, 3))


def test_a_frozen_table_has_tuples():
    frozen = freeze({"a": [1, [2]], "b": {"c": []}})
    assert frozen == FrozenConfigDict({"a": (1, (2,)), "b": {"c": ()}})
    assert frozen.a == (1, (2,))


def test_what_an_earlier_version_stored_is_completed():
    """That of another command stays what it is, and so differs from ours."""
    former = as_stored(lambda table: load(table, schema=SCHEMA))
    assert former({"prompt": "a mug"}) == load({"prompt": "a mug"}, schema=SCHEMA)
    assert former({"resolution": 8}) == freeze({"resolution": 8})


def test_a_table_that_is_none_is_told_in_short():
    """A ConfigDict sorts its names, and those of different types it cannot."""
    with pytest.raises(UserError, match="is no configuration") as caught:
        load({"prompt": "a" * 10_000, "rule": {"": None, 0: None}}, schema=SCHEMA)
    assert len(str(caught.value)) < 300


def test_a_name_that_is_no_text_is_none_of_the_fields():
    with pytest.raises(UserError, match=r"^config\.0 is not a field; the nearest is config\."):
        load({0: None}, schema=SCHEMA)
