"""The benchmark command: its configurations, its files and its errors."""

import ast
import json

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmark import benchmark
from sdjax.benchmarks import peer
from sdjax.benchmarks.flops import KINDS
from sdjax.benchmarks.schema import SECTIONS, check_config, load_config
from sdjax.benchmarks.work import Work
from sdjax.config.errors import UserError
from sdjax.runs.schema import load_config as load_training
from tests.benchmarks.small import small_config
from tests.small_runs import CONFIGS

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.parametrize("name", ["benchmark", "benchmark_cpu"])
def test_every_configuration_is_valid_and_says_its_command(name):
    config = load_config(name)
    check_config(config)
    assert config.sections == SECTIONS
    docstring = ast.get_docstring(ast.parse((CONFIGS / f"{name}.py").read_text()))
    assert f"sdjax benchmark --config={name} --workdir=" in docstring


def product(model, batch, size, dtype):
    """Instead of a network."""
    return Work(jnp.matmul, tuple([jax.ShapeDtypeStruct((size, size), dtype)] * 2))


def test_it_prints_and_writes_the_tables(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(KINDS, "prediction", product)
    sections = benchmark(small_config(), tmp_path)
    assert list(sections) == ["rendering", "prediction"]
    (row,) = sections["prediction"].rows
    assert row["images/s"] == pytest.approx(1e3 / row["ms"])
    assert row["TFLOP"] == 2 * 16**3 / 1e12
    assert row["TFLOP/s"] == pytest.approx(row["TFLOP"] * row["images/s"])
    (row,) = sections["rendering"].rows
    assert row["forward, rays/s"] == pytest.approx(64e3 / row["forward, ms"])
    printed, written = capsys.readouterr().out, (tmp_path / "benchmark.md").read_text()
    for title in ("## Rendering", "## Guided noise prediction"):
        assert title in printed and title in written
    content = json.loads((tmp_path / "benchmark.json").read_text())
    assert content["sections"]["rendering"]["rows"] == sections["rendering"].rows
    assert {"device", "processor", "jax"} <= set(content["machine"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"sections": ("predicton",)}, "config.sections is ('predicton',), expected one or more"),
        ({"prediction.models": ("sd3",)}, "The model 'sd3' is neither one of sd15, sd21_base"),
        ({"method.repeats": 0}, "config.method.repeats is 0, expected a whole number of at least"),
        ({"rendering.run": "dsd cachd"}, "; did you mean 'dsd cached'?"),
        ({"runs.sds.prompt": "a chiar"}, 'unknown prompt "a chiar"'),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, overrides, sentence):
    with pytest.raises(UserError) as caught:
        benchmark(small_config(**overrides), tmp_path / "none")
    assert sentence in str(caught.value) and not (tmp_path / "none").exists()


def test_rules_that_share_something_have_no_step_of_one_particle(tmp_path):
    table = small_config().to_dict()
    table["runs"]["vsd"] = load_training("stable_diffusion_3d:vsd").to_dict()
    with pytest.raises(UserError, match=r"runs\.vsd\.rule\.name is 'vsd', expected a rule whose"):
        benchmark(table, tmp_path)


def test_a_configuration_of_another_command(tmp_path):
    with pytest.raises(UserError, match=r"is one of sdjax\.train, expected one of sdjax\.benchm"):
        benchmark("demo", tmp_path)


@pytest.mark.slow
def test_a_missing_peer_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(peer, "NEEDED", ("no_such_package", "json"))
    with pytest.raises(UserError, match=r"but no_such_package cannot be imported: install them"):
        benchmark(small_config(peer="diffusers"), tmp_path)
