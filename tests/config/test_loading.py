import types

import numpy as np
import pytest
from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.loading import load_config

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


@pytest.fixture
def path(tmp_path):
    (tmp_path / "demo.py").write_text(FILE)
    return tmp_path / "demo.py"


def test_a_file_a_module_and_a_table_are_the_same(path):
    namespace = {}
    exec(FILE, namespace)
    from_file = load_config(path)
    assert from_file == load_config(types.SimpleNamespace(get_config=namespace["get_config"]))
    assert from_file == load_config(from_file)
    assert from_file == load_config(from_file.to_dict())
    assert from_file.steps == 300


def test_the_result_cannot_be_changed(path):
    config = load_config(path)
    assert isinstance(config, FrozenConfigDict)
    with pytest.raises(AttributeError):
        config.steps = 3


def test_an_edited_file_is_read_again(path):
    assert load_config(path).steps == 300
    path.write_text(FILE.replace("300", "400"))
    assert load_config(path).steps == 400


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
        ("prompt=", "prompt", ""),
        ("prompt=None", "prompt", None),
        ("steps=None", "steps", None),
        ("weights=1.5", "weights", 1.5),
        ("weights=runs/x", "weights", "runs/x"),
        ("rule.name=sds", "rule.name", "sds"),
        ("camera.elevation=-20,30", "camera.elevation", (-20.0, 30.0)),
        ("camera.elevation=(-20, 30.5)", "camera.elevation", (-20.0, 30.5)),
        ("camera.elevation=[0,1]", "camera.elevation", (0.0, 1.0)),
        ("camera.elevation=5", "camera.elevation", (5.0,)),
        ("camera.tags=x,y", "camera.tags", ("x", "y")),
    ],
)
def test_a_text_is_read_as_the_type_of_its_field(path, override, field, value):
    found = load_config(path, [override])
    for part in field.split("."):
        found = found[part]
    assert (found, type(found)) == (value, type(value))


def test_values_are_taken_as_they_are(path):
    overrides = {"steps": np.int64(5), "rule": {"cfg": 7}, "camera.elevation": [0, 1]}
    config = load_config(path, overrides)
    assert (config.steps, config.rule.cfg, config.rule.name) == (5, 7.0, "dsd")
    assert type(config.steps) is int
    assert config.camera.elevation == (0.0, 1.0)


def test_fields_computed_from_an_overridden_one_follow_it(path):
    assert load_config(path, ["steps=12"]).camera.frames == 12


def test_the_given_table_is_not_changed():
    given = ConfigDict({"rule": {"cfg": 1.0}})
    assert load_config(given, {"rule.cfg": 2.0}).rule.cfg == 2.0
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
        ("steps=2.5", "config.steps is 2.5, expected a whole number."),
        ("steps=true", "config.steps is True, expected a whole number."),
        ("learning_rate=nan", "config.learning_rate is 'nan', expected a number."),
        ("learning_rate=1e999", "config.learning_rate is inf, expected a number."),
        ("mesh=1", "config.mesh is 1, expected True or False."),
        (
            "camera.elevation=low,high",
            "config.camera.elevation is ('low', 'high'), "
            "expected one or more values, each a number.",
        ),
        (
            "camera.tags=1,2",
            "config.camera.tags is (1, 2), expected one or more values, each a text.",
        ),
    ],
)
def test_a_bad_override_is_one_sentence(path, override, sentence):
    with pytest.raises(UserError) as caught:
        load_config(path, [override])
    assert str(caught.value) == sentence


@pytest.mark.parametrize("value", ["10", 2.5, True, [1]])
def test_a_value_of_another_type_is_refused(path, value):
    with pytest.raises(UserError, match=r"^config.steps is .*, expected a whole number\.$"):
        load_config(path, {"steps": value})


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "The configuration file {path} has no function get_config()."),
        ("x = (", "The configuration file {path} failed: SyntaxError: '(' was never closed"),
        ("\nx = y", "The configuration file {path} failed in line 2: NameError: name 'y'"),
        (
            "def get_config():\n    return 1 / 0",
            "The configuration file {path} failed in line 2: ZeroDivisionError",
        ),
        ("def get_config():\n    return 7", "get_config() of {path} returned 7, expected a "),
        (
            "def get_config():\n    return {'stages': [{'steps': 1}]}",
            "config.stages is a sequence of tables, expected plain values.",
        ),
    ],
)
def test_a_bad_file_is_one_sentence(path, source, sentence):
    path.write_text(source)
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert str(caught.value).startswith(sentence.format(path=path))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dmeo.py", "There is no configuration file {path}; did you mean '{folder}/demo.py'?"),
        ("demo", "There is no configuration file {path}; did you mean '{folder}/demo.py'?"),
        ("zz/demo.py", "There is no configuration file {path}: {folder}/zz is not a folder."),
        ("folder", "The configuration file {path} cannot be read: Is a directory."),
    ],
)
def test_a_missing_file_is_one_sentence(path, name, sentence):
    (path.parent / "folder").mkdir()
    missing = path.parent / name
    with pytest.raises(UserError) as caught:
        load_config(missing)
    assert str(caught.value) == sentence.format(path=missing, folder=path.parent)


def test_a_source_of_another_kind_is_refused():
    with pytest.raises(UserError, match="3 is no configuration, expected a path, a module or"):
        load_config(3)
