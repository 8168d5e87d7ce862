"""Every configuration of the package is valid, documented and can be built."""

import ast
import re

import jax
import jax.numpy as jnp
import pytest

from sdjax.commands.config import load_config
from sdjax.commands.sampling_schema import SCHEMA
from sdjax.commands.schema import validate
from sdjax.commands.training_checks import check_config
from sdjax.training import build
from tests import tiny
from tests.small_runs import CONFIGS

FILES = [path for path in sorted(CONFIGS.rglob("*.py")) if path.name != "common.py"]
TRAINING = [path for path in FILES if path.name != "sample.py"]
relative = lambda path: str(path.relative_to(CONFIGS))  # noqa: E731


def test_there_is_one_per_rule():
    names = {relative(path) for path in FILES}
    rules = {f"embedded_{kind}/{rule}.py" for kind in ("2d", "3d") for rule in RULES}
    assert {"demo.py", "sample.py", "embedded_2d/dsd_star.py", *rules} <= names


RULES = ("sds", "fsd", "sdi", "dsd")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_the_docstring_has_the_command(path):
    command = "sample" if path.name == "sample.py" else "train"
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    file = re.escape(relative(path))
    assert re.search(rf"python -m sdjax\.{command} --config=configs/{file} --workdir=\S", docstring)


def test_the_sampling_configuration_is_valid():
    validate(load_config(CONFIGS / "sample.py"), SCHEMA)


@pytest.mark.parametrize("path", TRAINING, ids=relative)
def test_every_stage_can_be_built(path):
    config = load_config(path)
    check_config(config)
    stages = build.stages(config)
    assert stages[-1].last == sum(config.stages.steps)
    for stage in stages:
        recipe = build.make_recipe(config, tiny.PRIOR, stage)
        assert recipe.resolution == stage.resolution
        params = jax.eval_shape(recipe.scene.init, jax.random.key(0))
        assert all(leaf.size for leaf in jax.tree.leaves(params))
        rule = recipe.make_rule(tiny.PRIOR)
        jax.eval_shape(lambda key, rule=rule: rule.init(key, tiny.SHAPE), jax.random.key(0))
        assert 0 < recipe.learning_rate(jnp.float32(1)) <= recipe.learning_rate(jnp.float32(0))


@pytest.mark.parametrize("path", TRAINING, ids=relative)
def test_the_file_is_named_after_its_rule(path):
    assert path.name == "demo.py" or load_config(path).rule.name == path.stem
