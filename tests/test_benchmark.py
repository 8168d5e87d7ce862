"""The benchmark command: its configurations, its files and its errors."""

import ast
import json
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmark import benchmark
from sdjax.benchmarks import peer
from sdjax.benchmarks.flops import KINDS
from sdjax.benchmarks.schema import SPEED, check_config, load_config
from sdjax.benchmarks.work import Work
from sdjax.config.errors import UserError
from sdjax.runs.schema import load_config as load_training
from tests.benchmarks.small import small_config
from tests.small_runs import CONFIGS

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.parametrize(
    "name", ["benchmark", "benchmark_cpu", "benchmark_accelerator", "benchmark_growth"]
)
def test_every_configuration_is_valid_and_says_its_command(name):
    config = load_config(name)
    check_config(config)
    assert config.sections == SPEED or name in ("benchmark_accelerator", "benchmark_growth")
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


@pytest.mark.slow
def test_a_folder_takes_other_sections_and_other_times_and_keeps_its_tables(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "prediction", product)
    first = benchmark(small_config(sections=("prediction",)), tmp_path)["prediction"]
    others = {"sections": ("rendering",), "minutes": 9.0, "method.seconds": 2e-3, "peer": "auto"}
    benchmark(small_config(**others), tmp_path)
    tables = json.loads((tmp_path / "benchmark.json").read_text())["sections"]
    assert list(tables) == ["rendering", "prediction"]
    assert tables["prediction"]["rows"] == first.rows
    assert tables["prediction"]["note"].startswith(f"{first.note} Of an earlier command (device: ")
    assert "## Guided noise prediction" in (tmp_path / "benchmark.md").read_text()
    with pytest.raises(UserError, match="holds a run with another configuration"):
        benchmark(small_config(**{"rendering.resolutions": (4,)}), tmp_path)


def started(folder, **more):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.stuck", "--config=benchmark_cpu"]
    command += ["--config.sections=rendering", f"--workdir={folder}"]
    command += [f"--config.{name}={value}" for name, value in more.items()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes)


def stuck(folder, **more):
    """The same, once its row is written."""
    process = started(folder, **more)
    while "what never ends" not in process.stdout.readline():
        assert process.poll() is None
    while "what never ends" not in written(folder)[1]:  # told first, then written
        time.sleep(0.01)
    return process


def written(folder):
    rendering = json.loads((folder / "benchmark.json").read_text())["sections"]["rendering"]
    return rendering["rows"], rendering["note"]


@pytest.mark.slow
def test_a_command_that_is_stopped_has_written_its_rows(tmp_path):
    process = stuck(tmp_path)
    process.terminate()
    assert process.wait(20.0) == 128 + 15
    row = [{"ms": 1.0}]
    assert written(tmp_path) == (row, "One view. Not finished: at work on what never ends.")
    assert "| 1 |" in (tmp_path / "benchmark.md").read_text()


@pytest.mark.slow
def test_a_command_ends_when_its_time_is_over_whatever_it_does(tmp_path):
    process = stuck(tmp_path, minutes=1)
    assert process.wait(60.0) == 0
    assert written(tmp_path)[0] == [{"ms": 1.0}]
    assert "The time is over; what is measured is written." in process.stdout.read()


@pytest.mark.slow
def test_a_command_whose_time_is_over_before_it_begins_has_failed(tmp_path):
    """54 seconds of which 55 are used up."""
    process = started(tmp_path, minutes=0.9)
    assert process.wait(60.0) == 1
    assert "sdjax: " in process.stderr.read()
