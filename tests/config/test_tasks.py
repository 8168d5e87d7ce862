"""Tasks: what all rules share, a rule's recipe over it, and what the task has different."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.config.loading import read
from sdjax.config.tasks import OF_A_RULE, merged, parts_of, recipe_of, with_rule, without
from tests.config.like import load

BASE = {"prompt": "a mug", "rule": {"name": "sds"}, "optimizer": {"name": "adam", "eps": 1e-15}}
RULES = ("sds", "consistent3d")
DEVIATIONS = {
    "consistent3d": {"gradient": {"normalise": True}, "optimizer": {"eps": 1e-4}},
    "sds": {"rule": {"guidance_scale": 7.5}},
}
LEAVES = st.integers() | st.sampled_from(["a", "b"])
TABLES = st.dictionaries(
    st.sampled_from(["name", "x", "y"]),
    LEAVES | st.dictionaries(st.sampled_from(["u", "v"]), LEAVES, min_size=1),
)


def test_a_recipe_lies_over_the_base_and_under_the_deviations():
    recipe = recipe_of("consistent3d")
    assert {"rule", "gradient", "stages", "losses"} <= set(recipe)
    config = with_rule(BASE, "consistent3d", RULES, DEVIATIONS)
    assert isinstance(config, ConfigDict)
    assert config.to_dict() == {
        "prompt": "a mug",
        "optimizer": {"name": "adam", "eps": 1e-4},
        "rule": recipe["rule"],
        "gradient": recipe["gradient"] | {"normalise": True},
    }
    sds = with_rule(BASE, "sds", RULES, DEVIATIONS)
    assert sds.rule.guidance_scale == 7.5 and sds.optimizer == ConfigDict(BASE["optimizer"])


def test_only_the_tables_of_the_rule_come_from_its_recipe_unless_others_are_asked_for():
    taken = set(with_rule({}, "consistent3d", RULES, {}).keys())
    assert taken == set(recipe_of("consistent3d")) & set(OF_A_RULE)
    config = with_rule({}, "consistent3d", RULES, {}, recipe_tables=("rule", "losses"))
    assert config.to_dict() == {
        name: recipe_of("consistent3d")[name] for name in ("rule", "losses")
    }


def test_it_can_be_changed_further():
    config = with_rule(BASE, "sds", RULES, {})
    assert config.rule.guidance_scale == recipe_of("sds")["rule"]["guidance_scale"] == 101.0
    config.rule.guidance_scale = 2.0
    assert load(config).rule.guidance_scale == 2.0
    assert recipe_of("sds")["rule"]["guidance_scale"] == 101.0


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("sd", "config.rule.name is 'sd', expected one of sds, consistent3d in this task; did you"),
        ("dsd*", "config.rule.name is 'dsd*', expected one of sds, consistent3d in this task"),
        ("", "config.rule.name is '', expected one of sds, consistent3d in this task."),
    ],
)
def test_a_rule_that_a_task_has_not_is_one_sentence(rule, sentence):
    with pytest.raises(UserError) as caught:
        with_rule(BASE, rule, RULES, DEVIATIONS)
    assert str(caught.value).startswith(sentence)


def test_a_missing_recipe_is_a_sentence():
    with pytest.raises(UserError, match="There is no configuration file rules/nothing"):
        recipe_of("nothing")


@given(TABLES, TABLES)
def test_later_fields_replace_earlier_ones(first, second):
    both = merged(first, second)
    assert merged(first, {}) == merged({}, first) == merged(first, first) == first
    assert merged(both, second) == both
    for name, value in second.items():
        former = first.get(name, {})
        of_both = isinstance(value, dict) and isinstance(former, dict)
        assert both[name] == (former | value if of_both else value)
    assert {name: both[name] for name in first if name not in second} == {
        name: value for name, value in first.items() if name not in second
    }


def test_another_kind_takes_the_whole_place():
    former = {"scene": {"name": "grid", "radius": 2.0, "light": {"name": "point", "start": 1}}}
    change = {"scene": {"name": "image"}}
    assert merged(former, change) == change
    assert (
        merged(former, {"scene": {"name": "grid", "radius": 1.0}})["scene"]["light"]["start"] == 1
    )
    assert merged(former, {"scene": {"light": {"name": "none"}}})["scene"] == {
        "name": "grid",
        "radius": 2.0,
        "light": {"name": "none"},
    }
    assert former["scene"]["light"] == {"name": "point", "start": 1}  # as it was


def test_a_task_is_built_on_the_parts_of_another():
    parts = parts_of("embedded_2d")
    assert {"prompt", "stages", "scene"} <= set(parts.base) and "dsd" in parts.rules
    built = with_rule(parts.base, "fsd", parts.rules, parts.deviations)
    assert built.to_dict() == read("embedded_2d:fsd")
    with pytest.raises(UserError, match=r"demo.py is no task, expected a file that has BASE"):
        parts_of("demo")
    rest, own = without(parts.deviations, "prior"), parts.deviations["sdi_inverted"]
    assert "prior" in own
    assert set(rest) == set(parts.deviations)
    assert all("prior" not in tables for tables in rest.values())
    assert rest["sdi_inverted"] | {"prior": own["prior"]} == own


def test_a_variant_lies_over_the_rule_that_it_is_of():
    parts = parts_of("embedded_2d")
    built = with_rule(parts.base, "sdi_inverted", parts.rules, parts.deviations, parts.variants)
    assert built.to_dict() == read("embedded_2d:sdi_inverted")
    own = {**parts.deviations["sdi"]["rule"], **parts.deviations["sdi_inverted"]["rule"]}
    assert built.rule.to_dict() == recipe_of("sdi")["rule"] | own
