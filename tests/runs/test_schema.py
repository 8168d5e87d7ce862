"""Whole training configurations: completed, with another rule, of a former version, checked."""

import warnings

import pytest
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import REQUIRED, Field
from sdjax.config.kinds import Choice
from sdjax.config.loading import read, rules_of
from sdjax.config.tables import complete, flatten, resolve
from sdjax.config.tasks import parts_of
from sdjax.rules import RULES
from sdjax.runs.combinations import check_config
from sdjax.runs.schema import OF_A_RULE, SCHEMA, completed, load_config, of_former_version
from tests.small_runs import CONFIGS

TASKS = (
    "embedded_2d",
    "embedded_3d",
    "small_2d",
    "small_3d",
    "stable_diffusion_2d",
    "stable_diffusion_3d",
)


def of_rule(name):
    """The tables that belong to a rule where nothing is said about them."""
    kind = RULES[name]
    own = {"rule": {"name": name}, "annealing": kind.annealing, "noise": {"name": kind.noise}}
    tables = {table: own.get(table, {}) for table in OF_A_RULE}
    return complete(tables, {table: SCHEMA[table] for table in OF_A_RULE})


def test_nothing_needs_to_be_said():
    config = load_config({})
    check_config(config)
    assert config == completed({}) and list(config) == sorted(SCHEMA)
    assert set(flatten(config)) == set(dict(resolve(SCHEMA, config)))
    assert {name: config.to_dict()[name] for name in OF_A_RULE} == of_rule("dsd")


def fields_in(schema, where=""):
    """All fields of a schema, whatever is chosen, by where they stand."""
    for name, entry in schema.items():
        if isinstance(entry, Field):
            yield where + name, entry
        elif isinstance(entry, Choice):
            yield f"{where}{name}.name", entry.field
            for kind in entry.kinds.values():
                yield from fields_in(kind.fields, f"{where}{name}={kind.name}.")
        else:
            yield from fields_in(entry, f"{where}{name}.")


def test_every_field_says_what_it_means_and_accepts_its_default():
    fields = dict(fields_in(SCHEMA))
    required = {name for name, field in fields.items() if field.default is REQUIRED}
    assert required == {"annealing=piecewise.steps", "annealing=piecewise.t"}
    assert {"rule=dsd.ode_steps", "scene=mlp.shading=point_light.start"} <= set(fields)
    for name, field in fields.items():
        assert field.meaning and not field.meaning.endswith("."), name
        assert field.expected and not field.expected.endswith("."), name
        if name not in required:
            assert field.accepts(field.default), name
            assert field.convert(field.default) == field.default, name


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_brings_its_annealing_and_noise_unless_others_are_chosen(rule):
    table = completed({"rule": {"name": rule}}).to_dict()
    assert {name: table[name] for name in OF_A_RULE} == of_rule(rule)
    other = completed({"rule": {"name": rule}, "annealing": {"name": "dreamtime", "t_min": 0.1}})
    assert other.annealing.to_dict() == {"name": "dreamtime", "t_max": 0.98, "t_min": 0.1}
    lower = completed({"rule": {"name": rule}, "annealing": {"t_min": 0.125}}).annealing
    assert lower.to_dict() == of_rule(rule)["annealing"] | {"t_min": 0.125}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("source", ["demo", "as it was stored"])
def test_another_rule_of_a_plain_configuration_brings_its_own_defaults(source, rule):
    source = load_config("demo") if source != "demo" else source
    config, before = load_config(source, [f"rule.name={rule}"]), load_config("demo")
    if rule == before.rule.name:
        assert config == before
        return
    table = config.to_dict()
    assert {name: table.pop(name) for name in OF_A_RULE} == of_rule(rule)
    assert table == {name: before.to_dict()[name] for name in table}
    if rule not in ("vsd", "dsd_star"):  # which need a network, or one image
        check_config(config)


@pytest.mark.parametrize("task", TASKS)
def test_another_rule_of_a_task_is_the_task_with_that_rule(task):
    """Wherever the task is named, and whatever rule it is named with."""
    rules = [rule for rule in rules_of(task) if rule in RULES]
    assert len(rules) > 4
    for rule, other in zip(rules, [*rules[1:], rules[0]], strict=True):
        config = load_config(f"{task}:{rule}")
        assert config.rule.name == rule
        for source in (f"{task}:{other}", CONFIGS / f"{task}.py"):
            assert load_config(source, {"rule.name": rule}) == config, (source, rule)


@pytest.mark.parametrize(
    ("task", "rule"), [("embedded_3d:fsd", "dsd_star"), ("small_2d", "exact_vsd")]
)
def test_a_rule_that_a_task_has_not_comes_with_its_own_defaults(task, rule):
    """Beside what all rules of the task share."""
    config, base = load_config(task, {"rule.name": rule}).to_dict(), parts_of(task).base
    assert {name: config[name] for name in OF_A_RULE} == of_rule(rule)
    for name, value in flatten(base).items():
        assert flatten(config)[name] == value, name
    assert rule not in rules_of(task)


def test_another_rule_and_its_fields_at_once():
    changes = ["rule.guidance_scale=3", "rule.name=fsd", "noise.name=fixed", "annealing.t_min=0.1"]
    config = load_config("demo", changes)
    assert config.rule.to_dict() == of_rule("fsd")["rule"] | {"guidance_scale": 3.0}
    assert (config.noise.name, config.annealing.t_min) == ("fixed", 0.1)
    assert load_config("demo", {"rule": {"name": "fsd"}}).rule.to_dict() == of_rule("fsd")["rule"]


@pytest.mark.parametrize(
    ("source", "overrides", "sentence"),
    [
        ("demo", ["rule.name=fds"], "config.rule.name is 'fds', expected one of sds, sjc"),
        (
            "demo",
            ["rule.ode=exact", "rule.name=sds"],
            "config.rule.ode is not a field when config.",
        ),
        ("embedded_2d:vsd", [], "config.rule.name is 'vsd', expected one of sds, sjc"),
        ("embedded_2d:vds", [], "config.rule.name is 'vds', expected one of sds, sjc"),
        ({"rule": "dsd"}, [], "config.rule is 'dsd', expected a table of fields."),
        ({"rule": {"name": ["dsd"]}}, [], "config.rule.name is ['dsd'], expected one of sds"),
        ({"rule": {"name": None}}, [], "config.rule.name is None, expected one of sds"),
        ({"annealing": "linear"}, [], "config.annealing is 'linear', expected a table of fields."),
        ({"noise": 3}, [], "config.noise is 3, expected a table of fields."),
        ({"noise": 3}, ["rule.name=sds", "noise=3"], "config.noise is a table; set one of its"),
        ({"scene": "mlp"}, [], "config.scene is 'mlp', expected a table of fields."),
        (
            {"report": {"view": 3}},
            [],
            "config.report.view is not a field; the nearest is config.re",
        ),
    ],
)
def test_what_is_no_training_configuration_is_one_sentence(source, overrides, sentence):
    with pytest.raises(UserError) as caught:
        load_config(source, overrides)
    assert str(caught.value).startswith(sentence)


def test_a_table_in_the_wrong_place_may_be_replaced():
    assert load_config({"rule": "dsd"}, {"rule.name": "fsd"}).rule.name == "fsd"
    assert load_config({"scene": 3}, {"scene.name": "mlp"}).scene.name == "mlp"


def test_a_scene_that_is_replaced_keeps_what_the_other_has_too():
    """Tables within it as well; from a whole configuration, as a stored one."""
    light = {"scene.shading.name": "point_light", "scene.shading.start": 7, "scene.samples": 5}
    before = load_config("demo", light)
    after = load_config(before, {"scene.name": "hash_grid", "scene.levels": 3})
    assert (after.scene.samples, after.scene.shading, after.scene.levels) == (
        5,
        before.scene.shading,
        3,
    )
    flat = load_config(before, {"scene.name": "image"})
    assert set(flat.scene) & set(before.scene) == {"name"}
    prompts = {"prior.name": "stable_diffusion", "prior.prompts.perp_neg": "decaying"}
    assert load_config(load_config("small_3d", prompts), prompts) == load_config(
        "small_3d", prompts
    )


FORMER_NOISE = {"name": "world_map", "theta": 90.0, "beta": 1.0, "gamma": 0.0, "map_texels": None}


def test_a_stored_configuration_lacks_what_came_later():
    """Each field once, and a whole table."""
    config = load_config("embedded_3d:fsd")
    stored = config.to_dict()
    assert of_former_version(stored) == config
    table = ConfigDict(stored)
    table.report.frames = 7
    del table.losses["normal_smoothness_3d"], table.scene["perturbation"], table["gradient"]
    later = of_former_version(table.to_dict())
    assert later.to_dict() == stored | {"report": stored["report"] | {"frames": 7}}


def test_a_stored_noise_had_the_fields_of_all_kinds():
    stored = load_config("embedded_3d:fsd").to_dict() | {"noise": FORMER_NOISE}
    kept = {"name": "world_map", "theta": 90.0, "beta": 1.0, "gamma": 0.0, "window": "corner"}
    assert of_former_version(stored).noise.to_dict() == kept
    stored["noise"] = FORMER_NOISE | {"name": "none"}
    assert of_former_version(stored).noise.to_dict() == {"name": "none"}
    stored["noise"] = FORMER_NOISE | {"name": "nnoe"}
    with pytest.raises(UserError, match=r"config.noise.name is 'nnoe', expected one of none"):
        of_former_version(stored)


def test_a_stored_ode_that_is_exact_is_simulated():
    stored = load_config("embedded_2d:dsd").to_dict()
    stored["rule"]["ode"] = "exact"
    assert of_former_version(stored).rule.ode == "simulated"


def test_a_stored_field_that_is_none_is_one_sentence():
    stored = load_config("demo").to_dict()
    stored["report"]["farmes"] = 3
    with pytest.raises(UserError, match=r"^config.report.farmes is not a field; the nearest is co"):
        of_former_version(stored)


def config_of(name, **overrides):
    return load_config(
        name, {field.replace("__", "."): value for field, value in overrides.items()}
    )


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("embedded_2d:sds", {"noise__name": "fixed", "rule__guidance_scale": (0, 7.5, 1.0, 300)}),
        ("embedded_2d:sds", {"annealing__t_max": (0, 0.98, 0.5, 300), "gradient__clip": 2.0}),
        ("embedded_2d:asd", {"annealing__t_min": (0.02,)}),  # as a command line gives it
        ("embedded_3d:sds", {"annealing__name": "dreamtime", "noise__name": "surface"}),
        ("stable_diffusion_3d:sdi", {"prior__weights": "x", "losses__sparsity": (1.0,)}),
        ("stable_diffusion_3d:dsd_cached", {"prior__weights": "x"}),
        (
            "stable_diffusion_3d:dsd_cached",
            {"prior__prompts__perp_neg": "off", "rule__ode_bins": None},
        ),
    ],
)
def test_what_changes_in_a_run_may_be_set_from_outside(name, overrides):
    check_config(config_of(name, **overrides))


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        (
            "embedded_2d:sds",
            {"noise__name": "none"},
            "config.noise.name is 'none', expected 'gaussian' or another noise where "
            "config.rule.name is 'sds'.",
        ),
        (
            "embedded_2d:dsd",
            {"noise__name": "fixed"},
            "config.noise.name is 'fixed', expected 'none' where config.rule.name is 'dsd', which "
            "draws no noise.",
        ),
        (
            "embedded_2d:fsd",
            {"noise__name": "surface"},
            "config.noise.name is 'surface', expected 'fixed' or 'world_map' where "
            "config.scene.name is 'latents': there is no surface.",
        ),
        (
            "embedded_2d:sds",
            {"annealing__t_min": (0, 0.02, 0.99, 300)},
            "config.annealing.t_min is (0.0, 0.02, 0.99, 300.0), expected at most",
        ),
        (
            "embedded_2d:sds",
            {"annealing__t_min": (300, 0.02, 0.5, 0)},
            "config.annealing.t_min is (300, 0.02, 0.5, 0), expected a number from 0 to 1, or",
        ),
        (
            "embedded_2d:sds",
            {"gradient__clip": -1.0},
            "config.gradient.clip is -1.0, expected a number above 0",
        ),
        (
            "embedded_3d:dsd",
            {"annealing__t_min": (0, 0.5, 0.02, 400)},
            "config.rule.overshoot is 'proportional', expected 'constant' where the lowest "
            "timestep",
        ),
        (
            "stable_diffusion_3d:cfd",
            {"annealing__steps": (0, 2500, 2500, 25000)},
            "config.annealing.steps is (0, 2500, 2500, 25000) and config.annealing.t is "
            "(0.98, 0.692, 0.404, 0.212), expected ascending steps, and as many of each.",
        ),
        (
            "stable_diffusion_3d:cfd",
            {"annealing__t": (0.98, 0.692, 0.404)},
            "config.annealing.steps is (0, 2500, 12500, 25000) and config.annealing.t is "
            "(0.98, 0.692, 0.404), expected ascending steps, and as many of each.",
        ),
        (
            "stable_diffusion_2d:fsd",
            {"prior__weights": "x", "rule__image_weight": 0.1},
            "config.rule.image_weight is 0.1, expected 0 where config.scene.name is 'latents'",
        ),
        (
            "stable_diffusion_2d:fsd",
            {
                "stages__steps": (1, 1),
                "stages__resolution": (256, 512),
                "stages__grid": (2, 2),
            },
            "config.stages.resolution is (256, 512), expected one resolution where",
        ),
        (
            "stable_diffusion_3d:dsd",
            {"rule__ode": "cached"},
            "config.rule.ode_bins is None, expected a number such as 16 with Perp-Neg",
        ),
        (
            "stable_diffusion_2d:dsd",
            {"rule__ode": "cached", "rule__ode_bins": 16},
            "config.rule.ode_bins is 16, expected None where a prior tells directions only apart",
        ),
        (
            "demo",
            {"rule__name": "vsd"},
            "config.rule.name is 'vsd', which adapts the prior's network; expected another rule "
            "(for 'vsd' it is 'exact_vsd') where config.prior.name is 'embedded', which has none.",
        ),
        (
            "demo",
            {"rule__name": "dsd_star"},
            "config.rule.name is 'dsd_star', which samples one image; expected config.scene.name",
        ),
        (
            "embedded_3d",
            {"rule__name": "dsd_star"},
            "config.rule.name is 'dsd_star', which samples one image; expected config.scene.name",
        ),
        (
            "embedded_2d",
            {"rule__name": "vsd"},
            "config.rule.name is 'vsd', which adapts the prior's network; expected another rule",
        ),
        (
            "embedded_2d:dsd_star",
            {"camera__views": 2},
            "config.rule.name is 'dsd_star', which samples one image; expected config.scene.name",
        ),
        (
            "embedded_3d:sdi",
            {"rule__noise": "cached"},
            "config.rule.noise is 'cached', which keeps that of one image; expected config.scene",
        ),
        (
            "embedded_3d:sdi",
            {"rule__target_every": 5},
            "config.rule.target_every is 5, which keeps the target of one image; expected config",
        ),
        (
            "embedded_2d:fsd",
            {"rule__first_order": True, "annealing__name": "uniform"},
            "config.rule.first_order is True, expected False where config.annealing.name is 'unif",
        ),
        (
            "embedded_3d:dsd",
            {"rule__ode": "linear", "rule__warm_up": 0.1},
            "config.rule.warm_up is 0.1, expected 0 where config.rule.ode is 'linear': there is no",
        ),
        (
            "stable_diffusion_3d:dsd",
            {"rule__ode": "cached", "rule__ode_start": "world_map"},
            "config.rule.ode_bins is None, expected a number such as 64 where config.rule.ode_",
        ),
        (
            "demo",
            {"run__weight_shards": 2},
            "config.run.weight_shards is 2, expected 1 where config.prior.name is 'embedded': it "
            "has no network whose weights could be cut.",
        ),
        (
            "embedded_2d",
            {"losses__opaque": 0.5},
            "config.losses.opaque is 0.5, expected 0 where config.scene.name is 'latents'",
        ),
        ("demo", {"run__process": 1}, "config.run.process is 1, expected None where"),
        (
            "demo",
            {"camera__distance": (3, 4)},
            "config.camera.distance is (3.0, 4.0), expected two",
        ),
        ("demo", {"prior__name": "stable_diffusion"}, "config.prior.weights is empty, expected a"),
    ],
)
def test_a_combination_that_cannot_work_is_one_sentence(name, overrides, sentence):
    with pytest.raises(UserError) as caught:
        check_config(config_of(name, **overrides))
    assert str(caught.value).startswith(sentence)


def test_a_task_has_no_other_fields_than_its_schema():
    """Also before it is completed: what a file says is what it means."""
    for task in TASKS:
        assert set(read(task)) <= set(SCHEMA)


def test_dsd_that_looks_at_its_ode_alone_is_warned_of_in_3d():
    """Equations 7 and 8 of its paper, which says that they fail there; in the plane they do not."""
    naive = {"rule.interpolate": False}
    with pytest.warns(UserWarning, match="equations 7 and 8 of DSD"):
        check_config(load_config("embedded_3d:dsd", naive))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_config(load_config("embedded_2d:dsd", naive))
