"""The wheel: what it holds, and that it works away from the clone."""

import configparser
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = {
    "seeds": 1,
    "stages.steps": "20,20",
    "stages.resolution": "8,16",
    "stages.grid": "8,8",
    "prior.cameras": 4,
    "report.views": 2,
    "report.frames": 2,
    "report.mesh_resolution": 12,
}


def packages(folder, name):
    """The folders with Python files below one, as packages."""
    found = {path.parent for path in folder.rglob("*.py")}
    return {".".join((name, *path.relative_to(folder).parts)) for path in found}


def test_the_list_of_packages_is_that_of_the_folders():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    there = packages(ROOT / "sdjax", "sdjax") | packages(ROOT / "configs", "sdjax.configs")
    assert listed == there


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = tmp_path_factory.mktemp("source") / "sdjax"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), "."]
    subprocess.run(build, cwd=source, check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_configurations_weights_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"sdjax/configs/{path.relative_to(ROOT / 'configs')}" for path in
               (ROOT / "configs").rglob("*.py")}  # fmt: skip
    assert configs <= names
    assert "sdjax/py.typed" in names
    checkpoints = ROOT / "sdjax" / "checkpoints"
    weights = [path for path in checkpoints.rglob("*") if path.is_file()]
    assert {f"sdjax/{path.relative_to(checkpoints.parent)}" for path in weights} <= names
    assert not any(name.startswith(("tests/", "configs/")) for name in names)


@pytest.mark.slow
def test_installed_it_works_from_an_empty_folder(wheel, tmp_path):
    """The demo in 20 steps, by the console command; its dependencies are those of this
    environment, the package itself is the wheel's."""
    environment, folder = tmp_path / "env", tmp_path / "empty"
    folder.mkdir()
    venv.create(environment, with_pip=True)
    python, command = environment / "bin" / "python", environment / "bin" / "sdjax"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    site = next((environment / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        done = subprocess.run(
            [command, *arguments], cwd=folder, env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [python, "-c", "import sdjax; print(sdjax.__file__)"]
    found = subprocess.run(where, cwd=folder, env=variables, capture_output=True, text=True)
    assert found.stdout.startswith(str(environment))
    listed = run("--help")
    assert "train" in listed and "benchmark" in listed
    assert "--workdir" in run("train", "--help")
    assert "rule.name = 'fsd'" in run("train", "--config=embedded_3d:fsd", "--print_config")
    fields = [f"--config.{name}={value}" for name, value in SMALL.items()]
    told = run("train", "--config=demo", "--workdir=run", *fields)
    assert "objects found" in told
    assert (folder / "run" / "seed_0" / "mesh.glb").stat().st_size > 0
    assert sorted(path.name for path in folder.iterdir()) == ["run"]
