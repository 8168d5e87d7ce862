"""Every configuration of the package is valid, documented and can be built."""

import ast
import re
from functools import cache, partial

import jax
import jax.numpy as jnp
import pytest

from sdjax.config import (
    prior_judging_schema,
    prior_training_schema,
    rule_schema,
    sampling_schema,
)
from sdjax.config.fields import validate
from sdjax.config.loading import load_config
from sdjax.config.training_checks import check_config
from sdjax.priors.stable_diffusion import load
from sdjax.runs import build
from sdjax.runs.build_prior import make_prompting
from sdjax.runs.particle import initial_particle
from sdjax.runs.population import initial_shared
from tests import reference, tiny
from tests.small_runs import CONFIGS

FILES = [path for path in sorted(CONFIGS.rglob("*.py")) if path.name != "common.py"]
TRAINING = [path for path in FILES if {"rule", "stages"} <= set(load_config(path))]
COMMANDS = {
    "analysis": "analyse",
    "sample.py": "sample",
    "benchmark.py": "benchmark",
    "benchmark_cpu.py": "benchmark",
    "train_prior.py": "train_prior",
    "fine_tune_prior.py": "train_prior",
    "continue_prior.py": "train_prior",
    "judge_prior.py": "judge_prior",
}
relative = lambda path: str(path.relative_to(CONFIGS))  # noqa: E731


def test_there_is_one_per_rule_on_either_prior():
    """VSD learns its second network on Stable Diffusion and knows it on the embedded prior; DSD*
    samples an image."""
    names = {relative(path).removesuffix(".py") for path in FILES}
    embedded, learned = set(rule_schema.RULES) - {"vsd"}, set(rule_schema.RULES) - {"exact_vsd"}
    assert {f"embedded_2d/{rule}" for rule in embedded} <= names
    assert {f"embedded_3d/{rule}" for rule in embedded - {"dsd_star"}} <= names
    assert {f"stable_diffusion_3d/{rule}" for rule in learned - {"dsd_star"}} <= names
    assert {f"small_2d/{rule}" for rule in learned} <= names
    assert {f"small_3d/{rule}" for rule in learned - {"dsd_star"}} <= names
    assert {"stable_diffusion_2d/dsd_star", "demo", "sample"} <= names


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_the_docstring_has_the_command(path):
    command = COMMANDS.get(path.parent.name) or COMMANDS.get(path.name, "train")
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    file = re.escape(relative(path))
    assert re.search(rf"python -m sdjax\.{command} --config=configs/{file} --workdir=\S", docstring)


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("sample.py", sampling_schema.SCHEMA),
        ("small_2d/sample.py", sampling_schema.SCHEMA),
        ("train_prior.py", prior_training_schema.SCHEMA),
        ("fine_tune_prior.py", prior_training_schema.SCHEMA),
        ("continue_prior.py", prior_training_schema.SCHEMA),
        ("judge_prior.py", prior_judging_schema.SCHEMA),
    ],
)
def test_the_configurations_of_other_commands_are_valid(file, schema):
    validate(load_config(CONFIGS / file), schema)


@cache
def checkpoint():
    """A small one."""
    return load(reference.FOLDER / "tiny" / "sd1_tiny")


def prior_of(table):
    """That of a config, small."""
    if table.name == "embedded":
        return tiny.PRIOR
    return checkpoint().replace(prompting=make_prompting(table.prompts))


def start(recipe, prior, seed):
    return initial_particle(recipe, prior, seed, initial_shared(recipe, prior, seed))


@pytest.mark.parametrize("path", TRAINING, ids=relative)
def test_every_stage_can_be_built(path):
    config = load_config(path)
    check_config(config)
    stages, prior = build.stages(config), prior_of(config.prior)
    assert stages[-1].last == sum(config.stages.steps)
    for stage in stages:
        recipe = build.make_recipe(config, prior, stage)
        assert recipe.scene.in_latent_space or recipe.resolution == stage.resolution
        params = jax.eval_shape(recipe.scene.init, jax.random.key(0))
        assert all(leaf.size for leaf in jax.tree.leaves(params))
        jax.eval_shape(partial(start, recipe, prior), jnp.int32(0))
        assert 0 < recipe.learning_rate(jnp.float32(1)) <= recipe.learning_rate(jnp.float32(0))


@pytest.mark.parametrize("path", TRAINING, ids=relative)
def test_the_file_is_named_after_its_rule(path):
    name = path.stem.removesuffix("_cached")
    assert path.name == "demo.py" or load_config(path).rule.name == name
