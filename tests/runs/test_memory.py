"""What cannot fit is refused before anything is computed, by the field that makes it so."""

import pytest

from sdjax.config.errors import UserError
from sdjax.judge_prior import load_config as load_judging
from sdjax.judge_views import load_config as load_scenes
from sdjax.prior_training.memory import needs_of_judging, needs_of_prior_training, needs_of_scenes
from sdjax.runs.combinations import check_config
from sdjax.runs.memory import (
    GIB,
    Need,
    check_memory,
    memory,
    needs_of_samples,
    phases_of_report,
    phases_of_training,
)
from sdjax.runs.schema import load_config
from sdjax.sample import load_config as load_samples
from sdjax.train_prior import load_config as load_prior

LIMIT = 16 * GIB
BILLION = 10**9


@pytest.mark.parametrize(
    "name", ["demo", "embedded_2d:dsd", "small_3d:fsd", "stable_diffusion_3d:vsd"]
)
def test_the_configurations_of_the_package_fit(name):
    check_memory(*phases_of_training(load_config(name)), limit=LIMIT)


@pytest.mark.parametrize(
    ("name", "overrides", "field"),
    [
        ("demo", {"stages.resolution": (BILLION, BILLION)}, "stages.resolution"),
        ("demo", {"stages.resolution": (16384, 16384)}, "stages.resolution"),
        ("demo", {"stages.grid": (10**6, 10**6)}, "stages.grid"),
        ("demo", {"seeds": BILLION}, "seeds"),
        ("demo", {"prior.cameras": BILLION}, "prior.cameras"),
        ("demo", {"report.views": BILLION}, "report.views"),
        ("demo", {"report.turntable_resolution": BILLION}, "report.turntable_resolution"),
        ("demo", {"report.mesh_resolution": 10**6}, "report.mesh_resolution"),
        ("demo", {"scene.samples": BILLION}, "stages.resolution"),
        ("demo", {"run.chunk": BILLION, "stages.steps": (BILLION, 1)}, "run.chunk"),
        ("demo", {"camera.views": BILLION}, "stages.resolution"),
        ("embedded_2d:sds", {"stages.resolution": (10**6,)}, "stages.resolution"),
        ("embedded_3d:fsd", {"seeds": BILLION}, "seeds"),
    ],
)
def test_what_cannot_fit_names_the_field_the_size_and_the_limit(name, overrides, field):
    config = load_config(name, overrides)
    with pytest.raises(UserError, match=rf"config\.{field} is ") as error:
        check_memory(*phases_of_training(config), limit=LIMIT, seeds=config.seeds)
    assert "expected at most 16 GiB in all" in str(error.value)


def test_samples_and_reports_are_planned_too():
    with pytest.raises(UserError, match=r"config\.resolution is 1000000"):
        check_memory(needs_of_samples(load_samples("sample", {"resolution": 10**6})), limit=LIMIT)
    config = load_config("demo", {"report.frames": BILLION})
    with pytest.raises(UserError, match="the turntables take"):
        check_memory(*phases_of_report(config, config.seeds), limit=LIMIT)


def test_the_value_that_may_fit_fits():
    grids = lambda edge: [Need("grids", "config.stages.grid", edge, 3, 64 * edge**3)]  # noqa: E731
    with pytest.raises(UserError, match="; 203 may fit") as error:
        check_memory(grids(10**5), limit=GIB // 2)
    assert "config.stages.grid is 100000, with which grids take" in str(error.value)
    check_memory(grids(203), limit=GIB // 2)


@pytest.mark.parametrize("field", ["data.pictures", "diffusion.batch", "resolution"])
def test_the_training_of_a_prior_is_planned_too(field):
    config = load_prior("train_prior", {field: 10**9 if "." in field else 10**7})
    with pytest.raises(UserError, match=rf"config\.{field} is "):
        check_memory(needs_of_prior_training(config), limit=LIMIT)
    check_memory(needs_of_prior_training(load_prior("train_prior")), limit=LIMIT)


def test_scenes_are_four_pictures():
    few, many = (
        sum(need.size for need in needs_of_prior_training(load_prior("train_mv", given)))
        for given in ({}, {"data.scenes": 2 * 8192})
    )
    assert many - few == 8192 * 4 * 64 * 64 * 3
    with pytest.raises(UserError, match=r"config\.data\.scenes is 1000000000, "):
        check_memory(
            needs_of_prior_training(load_prior("train_mv", {"data.scenes": 10**9})), limit=LIMIT
        )


def test_the_judgement_of_a_prior_is_planned_too():
    with pytest.raises(UserError, match=r"config\.captions is "):
        check_memory(
            needs_of_judging(load_judging("judge_prior", {"captions": 10**9})), limit=LIMIT
        )
    check_memory(needs_of_judging(load_judging("judge_prior")), limit=LIMIT)


@pytest.mark.parametrize("field", ["seeds", "bank.draws"])
def test_the_judgement_of_scenes_is_planned_too(field):
    with pytest.raises(UserError, match=rf"config\.{field} is "):
        check_memory(needs_of_scenes(load_scenes("judge_views", {field: 10**9})), limit=LIMIT)
    check_memory(needs_of_scenes(load_scenes("judge_views")), limit=LIMIT)


def test_there_is_memory():
    assert GIB // 4 < memory() < 2**60


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"first_seed": 2**31}, "config.first_seed is 2147483648, expected at most 2147483647."),
        ({"seeds": 10**20}, "config.seeds is 100000000000000000000, expected at most"),
        ({"stages.grid": (4, 2**31)}, "config.stages.grid is (4, 2147483648), expected at most"),
    ],
)
def test_no_number_exceeds_32_bits(overrides, sentence):
    with pytest.raises(UserError) as error:
        load_config("demo", overrides)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"first_seed": 2**31 - 3}, "expected at most 2147483644 with 4 seeds"),
        ({"stages.steps": (2**31 - 1, 5)}, "has 2147483652 steps in all, expected at most"),
    ],
)
def test_nor_do_several_together(overrides, sentence):
    with pytest.raises(UserError) as error:
        check_config(load_config("demo", overrides))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("name", "overrides", "field"),
    [
        ("stable_diffusion_3d:sdi", {"rule.noise": "cached", "rule.keep_bins": BILLION}, "keep"),
        ("stable_diffusion_3d:dsd_cached", {"rule.ode_bins": BILLION}, "ode"),
    ],
)
def test_what_a_rule_keeps_of_bins_of_views_is_planned_too(name, overrides, field):
    config = load_config(name, overrides)
    with pytest.raises(UserError, match=rf"config\.rule\.{field}_bins is 1000000000") as error:
        check_memory(*phases_of_training(config), limit=LIMIT)
    assert "kept predictions take" in str(error.value)
