"""Every configuration of the package is valid, documented, as it was, and can be built."""

import ast
import gzip
import importlib
import json
import re
import shlex
import tempfile
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from sdjax.analysis.runs import training_configs
from sdjax.cameras import front_camera
from sdjax.config.loading import freeze, read, rules_of
from sdjax.config.tasks import parts_of, recipe_of
from sdjax.files.shipped_pictures import picture_path
from sdjax.priors import mvdream, zero123
from sdjax.priors.reference import read_reference
from sdjax.priors.stable_diffusion import load
from sdjax.rules import RULES
from sdjax.runs import build
from sdjax.runs.combinations import check_config
from sdjax.runs.particle import initial_particle
from sdjax.runs.population import initial_shared
from sdjax.runs.schema import load_config, of_former_version
from sdjax.runs.stages import stages
from sdjax.text.views import prompting_of
from tests import reference, tiny
from tests.multiview_folders import mvdream_folder, zero123_folder
from tests.small_runs import CONFIGS

FILES = sorted(CONFIGS.rglob("*.py"))
FOUND = {path for name in ("*_[23]d*", "embedded_*") for path in CONFIGS.glob(f"{name}.py")}
TASKS = {path.stem: rules_of(path) for path in sorted(FOUND)}
TRAINING = ["demo", *(f"{task}:{rule}" for task, rules in TASKS.items() for rule in rules)]
# what differs from the tasks that they are built on is no part of the particle
BUILT = [name for name in TRAINING if not re.search("_(equal|words):", name)]
PICTURE = "sdjax:red_facade.png"
FORMER = Path(__file__).parent / "data" / "former_configurations.json.gz"
relative = lambda path: str(path.relative_to(CONFIGS).with_suffix(""))  # noqa: E731


def test_there_is_one_per_rule_on_either_prior():
    """VSD learns its second network on Stable Diffusion and knows it on the embedded prior; DSD*
    samples an image."""
    embedded, learned = set(RULES) - {"vsd"}, set(RULES) - {"exact_vsd"}
    inverted = {"sdi_inverted"}
    assert set(TASKS["embedded_2d"]) == embedded | inverted
    for task in ("embedded_3d", "embedded_mv", "embedded_view"):
        assert set(TASKS[task]) == embedded - {"dsd_star"}
    of_starts = {"fsd_one_noise", "dsd_one_start"}
    assert set(TASKS["embedded_3d_words"]) == embedded - {"dsd_star"} | of_starts
    of_odes = {"dsd_cached", "dsd_paper"}
    assert set(TASKS["stable_diffusion_3d"]) == learned - {"dsd_star"} | of_odes
    assert set(TASKS["small_2d"]) == learned | inverted
    assert set(TASKS["small_3d"]) == learned - {"dsd_star"}
    assert set(TASKS["small_mv_3d"]) == learned - {"dsd_star"} | {"dsd_cached"}
    assert set(TASKS["small_view_3d"]) == learned - {"dsd_star"}
    assert set(TASKS["embedded_2d_equal"]) == embedded
    assert set(TASKS["small_2d_equal"]) == learned
    table_3 = {"sds", "nfsd", "vsd", "fsd", "dsd_star"}
    assert table_3 | {"sdi", "sdi_inverted", "dsd"} == set(TASKS["stable_diffusion_2d"])


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_recipe_that_names_it(rule):
    assert recipe_of(rule)["rule"]["name"] == rule


# Official recipes, or settings whose figures are recorded so.
END_LATER = {
    "embedded_2d_equal:ism": {"rule.interval"},
    "small_2d_equal:ism": {"rule.interval"},
    "stable_diffusion_3d:consistent3d": {"losses.orientation"},
}


def ends_of(table, name=""):
    """The last step of every value that changes in the course of a run."""
    for key, value in table.items():
        if hasattr(value, "items"):
            yield from ends_of(value, f"{name}{key}.")
        elif isinstance(value, tuple) and len(value) == 4:
            yield f"{name}{key}", value[3]


def test_what_changes_in_a_run_ends_within_it():
    """A recipe of thousands of steps in a task of hundreds would leave t where it began."""
    for name in TRAINING:
        config = load_config(name)
        total, tables = (
            sum(config.stages.steps),
            ("rule", "noise", "annealing", "gradient", "losses"),
        )
        ends = dict(ends_of({table: config[table] for table in tables}))
        if config.annealing.name == "piecewise":
            ends["annealing.steps"] = config.annealing.steps[-1]
        assert {key for key, end in ends.items() if end > total} == END_LATER.get(name, set()), name


def commands_of(path):
    """The command lines in a file's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text())).replace("\\\n", " ")
    return re.findall(r"^ *(sdjax \w+ --.*)$", docstring, re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_the_docstring_has_the_command_and_it_would_run(path):
    """As far as its configuration goes."""
    commands = commands_of(path)
    assert commands
    for command in commands:
        _, name, *options = shlex.split(command)
        config, *overrides = [option for option in options if option.startswith("--config")]
        source = config.removeprefix("--config=")
        if path.parent.name == "rules":
            assert source.endswith(f":{path.stem}") and name == "train"
        else:
            assert source.partition(":")[0] == relative(path)
        assert options[-1].startswith("--workdir=runs/") or "--workdir=runs/" in command
        load = vars(importlib.import_module(f"sdjax.{name}"))["COMMAND"].load
        assert load(source, overrides)


@cache
def former():
    """What every file of a former version was, complete."""
    return json.loads(gzip.decompress(FORMER.read_bytes()))


def test_configurations_of_former_runs_are_still_whole():
    """Also of tasks that have other settings now: their runs are resumed and shown as they were."""
    tables = [table for table in former().values() if {"rule", "stages"} <= set(table)]
    assert len(tables) == 74
    for table in tables:
        config = of_former_version(table)
        check_config(config)
        for name in set(table["rule"]) - {"ode"}:
            assert config.rule[name] == like(table["rule"][name])
        assert config.rule.get("ode") != "exact"
        if config.noise.name == "world_map":
            assert config.noise.window == "corner"


def like(value):
    """A list of JSON as the tuple that a configuration holds."""
    return tuple(map(like, value)) if isinstance(value, list) else value


PERP_NEG = "uncond + s (cond - uncond + ...)"  # and all codes that anchor there
ANCHORED = "cond + s (cond - uncond)"  # converted: + 1
# What each official code or paper writes, and in which convention.
SCALES = {
    "stable_diffusion_3d:sds": (ANCHORED, {"guidance_scale": 100.0}),
    "stable_diffusion_3d:sjc": (ANCHORED, {"guidance_scale": 100.0}),
    "stable_diffusion_3d:consistent3d": (ANCHORED, {"guidance_scale": (100.0, 50.0)}),
    "stable_diffusion_3d:cfd": (ANCHORED, {"guidance_scale": 70.0}),
    "stable_diffusion_3d:sdi": (
        PERP_NEG,
        {"guidance_scale": 7.5, "inversion_guidance_scale": -7.5},
    ),
    "stable_diffusion_3d:dsd": (
        PERP_NEG,
        {"guidance_scale": 7.5, "ode_guidance_scale": 7.5, "base_guidance_scale": 1.0},
    ),
    "stable_diffusion_3d:hifa": (PERP_NEG, {"guidance_scale": 100.0}),
    "stable_diffusion_3d:vsd": (PERP_NEG, {"guidance_scale": 7.5}),
    "stable_diffusion_2d:sdi": (
        ANCHORED,
        {"guidance_scale": 7.5, "inversion_guidance_scale": -7.5},
    ),
    "stable_diffusion_2d:sdi_inverted": (
        ANCHORED,
        {"guidance_scale": 7.5, "inversion_guidance_scale": -7.5},
    ),
    "stable_diffusion_2d:sds": (PERP_NEG, {"guidance_scale": 100.0}),
    "stable_diffusion_2d:fsd": (PERP_NEG, {"guidance_scale": 7.5}),
    "stable_diffusion_2d:nfsd": (PERP_NEG, {"guidance_scale": 7.5}),
    "stable_diffusion_2d:vsd": (PERP_NEG, {"guidance_scale": 7.5}),
}


@pytest.mark.parametrize("name", SCALES)
def test_a_recipe_has_the_official_scales_in_our_convention(name):
    """threestudio's SDI and DSD anchor at the text only without Perp-Neg, so that whether they are
    converted hangs on whether the configuration has it."""
    convention, official = SCALES[name]
    config = load_config(name)
    if config.rule.name in ("sdi", "dsd"):
        has_perp_neg = config.prior.prompts.perp_neg != "off"
        assert has_perp_neg == (convention == PERP_NEG)
    for field, scale in official.items():
        ours = config.rule[field]
        ends = ours[1:3] if isinstance(ours, tuple) else (ours, ours)
        theirs = scale if isinstance(scale, tuple) else (scale, scale)
        added = 1.0 if convention == ANCHORED else 0.0
        assert ends == tuple(value + added for value in theirs), field


@pytest.mark.parametrize("rule", rules_of("stable_diffusion_3d"))
def test_a_recipe_arrives_whole(rule):
    """In the task that is the official recipe of every rule."""
    config = load_config(f"stable_diffusion_3d:{rule}")
    for table in recipe_of(config.rule.name):
        assert table in read(f"stable_diffusion_3d:{rule}")


OTHERS = {
    "sample.py": ("sample", "sample"),
    "small_2d/sample.py": ("sample", "sample:small"),
    "stable_diffusion_2d/sample.py": ("sample", "sample:stable_diffusion"),
    "analysis/inverted_noise.py": ("analyse", "analysis/inverted_noise"),
    "analysis/sd_inverted_noise.py": ("analyse", "analysis/inverted_noise:stable_diffusion"),
    "train_prior.py": ("train_prior", "train_prior"),
    "continue_prior.py": ("train_prior", "continue_prior"),
    "fine_tune_prior.py": ("train_prior", "fine_tune_prior"),
    "judge_prior.py": ("judge_prior", "judge_prior"),
}
WITH_RUNS = {
    "analysis/trajectories.py": ("analyse", "analysis/trajectories"),
    "analysis/sd_trajectories.py": ("analyse", "analysis/trajectories:stable_diffusion"),
    "analysis/initial_noise.py": ("analyse", "analysis/initial_noise"),
    "analysis/sd_initial_noise.py": ("analyse", "analysis/initial_noise:stable_diffusion"),
    "benchmark.py": ("benchmark", "benchmark"),
    "benchmark_cpu.py": ("benchmark", "benchmark_cpu"),
}


def loaded(command, source):
    return vars(importlib.import_module(f"sdjax.{command}"))["COMMAND"].load(source, ())


@pytest.mark.parametrize("name", OTHERS)
def test_other_commands_are_configured_as_they_were(name):
    command, source = OTHERS[name]
    assert without_spacing(loaded(command, source)) == without_spacing(
        loaded(command, former()[name])
    )


def without_spacing(config):
    """That of Stable Diffusion was "leading"; now it is the checkpoint's own."""
    return {
        name: without_spacing(value) if hasattr(value, "items") else value
        for name, value in config.items()
        if name != "spacing"
    }


@pytest.mark.parametrize("name", WITH_RUNS)
def test_commands_with_several_runs_are_configured_as_they_were(name):
    """But for the runs themselves, which are as their tasks are now; those of former versions are
    still whole."""
    ours, table = loaded(*WITH_RUNS[name]), former()[name]
    if name.startswith("analysis"):
        common = {field: value for field, value in table.items() if field != "runs"}
        own = {"analysis": common.pop("analysis")}
        steps = common.pop("ddim")["steps"]  # its scale is that of the runs, as they are now
        assert (ours.ddim.steps, ours.ddim.guidance_scale) == (
            steps,
            training_configs(ours)["FSD"].rule.guidance_scale,
        )
        runs = {run: {**common, **rest} for run, rest in table["runs"].items()}
        found = training_configs(ours)
    else:
        own, found = {field: table[field] for field in table if field != "runs"}, ours.runs
        own["step"] = {"runs": None, "parts": True, **own["step"]}  # later fields
        runs = table["runs"]
    ours = {field: ours[field] for field in own}
    assert without_spacing(ours) == without_spacing(freeze(own))
    assert len(found) == len(runs)
    for rest in runs.values():
        check_config(of_former_version(rest))


def test_no_file_of_a_former_version_is_forgotten():
    training = {name for name, table in former().items() if {"rule", "stages"} <= set(table)}
    assert set(former()) == training | set(OTHERS) | set(WITH_RUNS)


@cache
def checkpoint():
    """A small one."""
    return load(reference.FOLDER / "tiny" / "sd1_tiny")


@cache
def of_cameras(name):
    """MVDream or Zero-1-to-3, small."""
    picture = partial(read_reference, picture_path(PICTURE), camera=front_camera())
    with tempfile.TemporaryDirectory() as folder:
        if name == "mvdream":
            return mvdream.load(mvdream_folder(Path(folder) / "model"))
        return zero123.load(zero123_folder(Path(folder) / "model"), lambda s: picture(size=s))


def prior_of(table):
    """That of a config, small."""
    if table.name == "embedded":
        return tiny.PRIOR.replace(views_together=table.views_together)
    if table.name in ("mvdream", "zero123"):
        return of_cameras(table.name)
    return checkpoint().replace(prompting=prompting_of(table.prompts))


def start(recipe, prior, seed):
    return initial_particle(recipe, prior, seed, initial_shared(recipe, prior, seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT)
def test_every_stage_can_be_built(name):
    config = load_config(name)
    if config.prior.name == "zero123":
        config = load_config(config, {"prior.image": PICTURE})
    check_config(config)
    found, prior = stages(config), prior_of(config.prior)
    assert found[-1].last == sum(config.stages.steps)
    for stage in found:
        recipe = build.make_recipe(config, prior, stage)
        assert recipe.scene.in_latent_space or recipe.resolution == stage.resolution
        params = jax.eval_shape(recipe.scene.init, jax.random.key(0))
        assert all(leaf.size for leaf in jax.tree.leaves(params))
        jax.eval_shape(partial(start, recipe, prior), jnp.int32(0))
        assert 0 < recipe.learning_rate(jnp.float32(1)) <= recipe.learning_rate(jnp.float32(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINING[1:])
def test_a_task_trains_the_rule_that_it_is_asked_for(name):
    """A variant is one of the rule that it says."""
    task, asked = name.split(":")
    assert load_config(name).rule.name == parts_of(task).variants.get(asked, asked)
