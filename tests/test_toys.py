"""What it takes to add something: a toy rule is one file's worth of code and one entry.

`ToyRule` below is what would stand in sdjax/rules/toy.py, and the entry is the line in the fixture.
"""

import json
import traceback
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import sdjax
from sdjax.compare import compare
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, fraction, number, one_of
from sdjax.config.tables import flatten, resolve
from sdjax.diffusion.annealing import ANNEALINGS
from sdjax.diffusion.ramps import ramped, value_at
from sdjax.reports.evaluation import load_views
from sdjax.reports.scalars import read_scalars
from sdjax.rules import RULES
from sdjax.rules.contract import Aux, Rule, Update
from sdjax.rules.kind import RuleKind, plainly
from sdjax.rules.noise import NOISES
from sdjax.rules.rescaling import rescaled, scale
from sdjax.runs.build import make_recipe
from sdjax.runs.combinations import check_config
from sdjax.runs.optimizers import OPTIMIZERS
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.schema import SCHEMA, load_config
from sdjax.runs.stages import stages
from sdjax.scene import SCENES
from sdjax.train import train
from tests import tiny
from tests.small_runs import IMAGES

SMALL = {name: IMAGES[name] for name in ("stages", "run", "scene")} | {
    "seeds": 2,
    "optimizer": {"name": "adam", "learning_rate": 0.02},
}
CALLS = []  # the stack at each time that the equation is traced


# ---- the file ------------------------------------------------------------------------------------
def toy_residual(latents, pull, towards):
    """g = pull (latents - towards)."""
    CALLS.append(traceback.extract_stack())
    return pull * (latents - towards)


def toy(schedule, *, annealing, pull=0.5, towards=0.25, sign="plus"):
    """Each pixel is drawn to one value."""

    def update(key, latents, state, predictor, *, progress, view):
        t = annealing(key, progress)
        target = towards if sign == "plus" else -towards
        gradient = toy_residual(latents, value_at(pull, progress), target)
        return Update(gradient, state, Aux(t, latents, jnp.full_like(latents, target)))

    return Rule(lambda key, shape: (), update)


RULE = RuleKind(
    "toy",
    "TOY",
    plainly(toy),
    fields_of(
        toy,
        pull=ramped(number(above=0)).says("how fast"),
        towards=fraction().says("where to, in units of latents"),
        sign=one_of("plus", "minus").says("on which side of 0"),
    ),
    {"name": "sqrt", "t_min": 0.125},
    noise="none",
    scales=(),
)


# ---- the entry -----------------------------------------------------------------------------------
@pytest.fixture
def listed(monkeypatch):
    """The rule in the list of all."""
    monkeypatch.setitem(RULES, "toy", RULE)
    CALLS.clear()


def shown(folder):
    """The pictures with which a run ended, from 0 to 1."""
    views, _ = load_views(folder / "views.npz")
    return views / 255.0


OWN = {"name": "toy", "pull": 0.5, "towards": 0.25, "sign": "plus"}


@pytest.mark.parametrize("source", ["demo", "embedded_2d", "small_3d:fsd", {}])
def test_a_rule_is_chosen_by_its_name_and_has_its_defaults(listed, source):
    config = load_config(source, ["rule.name=toy"])
    check_config(config)
    assert config.rule.to_dict() == OWN
    assert config.annealing.to_dict() == {"name": "sqrt", "t_max": 0.98, "t_min": 0.125}
    assert config.noise.to_dict() == {"name": "none"}
    pulled = load_config(source, ["rule.name=toy", "rule.pull=0,1,2,300", "rule.sign=minus"])
    assert pulled.rule.to_dict() == OWN | {"pull": (0.0, 1.0, 2.0, 300.0), "sign": "minus"}


def test_it_is_listed_with_its_fields_and_their_meaning(listed):
    fields = dict(resolve(SCHEMA, load_config("demo", ["rule.name=toy"])))
    assert "toy" in fields["rule.name"].names
    assert fields["rule.pull"].meaning == "how fast"
    with pytest.raises(UserError, match=r"expected one of sds, .*, toy; did you mean 'toy'\?"):
        load_config("demo", ["rule.name=tooy"])
    with pytest.raises(UserError, match=r"config.rule.towards is 2, expected a number from 0 to 1"):
        load_config("demo", {"rule.name": "toy", "rule.towards": 2})


@pytest.mark.parametrize(("sign", "grey"), [("plus", 0.625), ("minus", 0.375)])
def test_it_trains(listed, tmp_path, sign, grey):
    """A latent is 2 image - 1."""
    changes = {"rule.name": "toy", "rule.sign": sign}
    train("embedded_2d", tmp_path / "toy", SMALL | {"stages.steps": (20,)} | changes)
    assert np.abs(shown(tmp_path / "toy") - grey).max() < 0.04
    stored = json.loads((tmp_path / "toy" / "config.json").read_text())
    assert stored["rule"] == OWN | {"sign": sign}
    assert read_scalars(tmp_path / "toy")[-1]["step"] == 20
    compare(tmp_path)
    assert "| toy | TOY |" in (tmp_path / "comparison.md").read_text()


def test_few_frames_lie_between_the_command_and_the_equation(listed, tmp_path):
    """Who reads how a gradient comes to be has twelve functions in six files before them."""
    train("embedded_2d", tmp_path, SMALL | {"rule.name": "toy"})
    assert CALLS
    package = str(Path(sdjax.__file__).parent)
    for stack in CALLS:
        names = [(frame.filename, frame.name) for frame in stack]
        first = names.index((f"{package}/train.py", "train"))
        ours = [name for name in names[first + 1 :] if name[0].startswith((package, __file__))]
        assert ours[-1] == (__file__, "toy_residual")
        assert len(ours) <= 12, ours
        assert len({file for file, _ in ours}) <= 6, ours


def boosted(parts, *, boost, **fields):
    """SDS with a gradient so many times as long."""
    return rescaled(RULES_BEFORE["sds"].make(parts, **fields), scale(boost))


RULES_BEFORE = dict(RULES)


def test_a_field_of_a_rule_needs_its_kind_only(monkeypatch, tmp_path):
    kind = RULES["sds"]
    boost = number(at_least=0).of(1.0, "by how much the gradient is longer")
    fields = {**kind.fields, "boost": boost}
    monkeypatch.setitem(RULES, "sds", kind._replace(make=boosted, fields=fields))
    before = load_config("embedded_2d:sds", SMALL)
    assert before.rule.boost == 1.0
    assert dict(resolve(SCHEMA, before))["rule.boost"].meaning == boost.meaning
    train(before, tmp_path / "once")
    train("embedded_2d:sds", tmp_path / "never", SMALL | {"rule.boost": 0.0})
    assert np.abs(shown(tmp_path / "never") - 0.5).max() < 0.01
    assert np.abs(shown(tmp_path / "once") - 0.5).max() > 0.05
    losses = [read_scalars(tmp_path / name)[0]["loss/guidance"] for name in ("once", "never")]
    assert losses[0] > losses[1] == 0.0


def test_what_was_stored_before_a_field_came_has_its_default(monkeypatch, tmp_path):
    """And goes on."""
    train("embedded_2d:sds", tmp_path, SMALL)
    fields = {**RULES["sds"].fields, "boost": number().of(1.0)}
    monkeypatch.setitem(RULES, "sds", RULES["sds"]._replace(make=boosted, fields=fields))
    assert read_run_config(tmp_path).rule.boost == 1.0
    further = SMALL["stages"] | {"steps": (6,)}
    train("embedded_2d:sds", tmp_path, SMALL | {"stages": further})
    assert read_scalars(tmp_path)[-1]["step"] == 6
    assert json.loads((tmp_path / "config.json").read_text())["rule"]["boost"] == 1.0


LISTS = {"annealing": ANNEALINGS, "noise": NOISES, "optimizer": OPTIMIZERS, "scene": SCENES}


@pytest.mark.parametrize("table", LISTS)
def test_an_entry_in_its_list_is_all_that_another_kind_needs(monkeypatch, table):
    listed, source = LISTS[table], load_config("embedded_3d:sds", {"stages.resolution": (16, 16)})
    kind = listed[source[table].name]
    own = {**kind.fields, "toy": number().of(7.0, "nothing")}
    seen = []

    def make(*given, toy, **fields):
        seen.append(toy)
        return kind.make(*given, **fields)

    monkeypatch.setitem(listed, "toy", kind._replace(name="toy", make=make, fields=own))
    config = load_config(source, {f"{table}.name": "toy"})
    check_config(config)
    assert config[table].to_dict() == source[table].to_dict() | {"name": "toy", "toy": 7.0}
    recipe = make_recipe(config, tiny.PRIOR, stages(config)[0])
    recipe.make_rule(tiny.PRIOR)
    assert seen == [7.0]
    assert {"toy"} == set(flatten(config[table])) - set(flatten(source[table]))
