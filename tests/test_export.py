"""The export command, on a small finished run."""

import os
import shutil
import subprocess
import sys

import pytest
import trimesh
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.export import export
from sdjax.runs import build, run
from sdjax.runs.schema import load_config
from sdjax.train import train
from tests.small_runs import contents
from tests.test_stable_diffusion_runs import SOLID, TINY

pytestmark = pytest.mark.usefixtures("quick_compilation")
SMALL = {"film": "gif", "frames": 3, "resolution": 16, "mesh_resolution": 12}


def test_one_seed_at_other_settings(objects_run, tmp_path, capsys):
    before = contents(objects_run)
    settings = SMALL | {"frames": 5, "mesh_resolution": 20, "format": "ply"}
    folder = export(objects_run, 4, **settings, out=tmp_path)
    assert folder == tmp_path and contents(objects_run) == before
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        "turntable.gif",
        "mesh.ply",
    ]
    with Image.open(tmp_path / "seed_4" / "turntable.gif") as film:
        assert film.n_frames == 5
    fine = trimesh.load(tmp_path / "seed_4" / "mesh.ply", force="mesh")
    coarse = trimesh.load(objects_run / "seed_4" / "mesh.glb", force="mesh")
    assert len(fine.faces) > 2 * len(coarse.faces)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "exporting after 10 of 10 steps"
    assert said[1:] == [
        str(tmp_path / "seed_4" / "turntable.gif"),
        f"{tmp_path / 'seed_4' / 'mesh.ply'}: {len(fine.faces)} faces",
    ]


def test_the_same_settings_give_the_files_of_the_run(objects_run, tmp_path):
    export(objects_run, **SMALL, out=tmp_path)
    for name in ("seed_3/turntable.gif", "seed_4/turntable.gif", "seed_3/mesh.glb"):
        assert (tmp_path / name).read_bytes() == (objects_run / name).read_bytes()


@pytest.mark.slow
def test_no_films_or_no_meshes(objects_run, tmp_path):
    export(objects_run, 3, **SMALL | {"frames": 0}, out=tmp_path / "meshes")
    export(objects_run, 3, **SMALL | {"mesh_resolution": 0}, out=tmp_path / "films")
    assert [path.name for path in contents(tmp_path / "meshes")] == ["mesh.glb"]
    assert [path.name for path in contents(tmp_path / "films")] == ["turntable.gif"]


def test_the_density_of_the_surface(objects_run, tmp_path, capsys):
    areas = []
    for threshold in (None, 1.0, 7.0):
        export(objects_run, 3, **SMALL | {"frames": 0}, threshold=threshold, out=tmp_path)
        areas.append(trimesh.load(tmp_path / "seed_3" / "mesh.glb", force="mesh").area)
    assert areas[1] > areas[0] > areas[2]
    (tmp_path / "seed_3" / "mesh.glb").unlink()
    export(objects_run, 3, **SMALL | {"frames": 0}, threshold=1e9, out=tmp_path)
    assert "no mesh of seed 3: A mesh was asked at density 1e+09, but" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"mesh_threshold is 0\.0, expected a number above 0"):
        export(objects_run, **SMALL, threshold=0.0)


def test_films_before_another_colour(objects_run, tmp_path):
    settings = SMALL | {"mesh_resolution": 0}
    export(objects_run, 3, **settings, background=(0, 0, 1), out=tmp_path)
    with Image.open(tmp_path / "seed_3" / "turntable.gif") as film:
        corner = film.convert("RGB").getpixel((0, 0))
    assert corner[2] > 240 and max(corner[:2]) < 15
    for colour in ((0, 0), (0, 0, 2)):
        with pytest.raises(UserError, match=r"--background is .*, expected 3 values, each a numbe"):
            export(objects_run, **settings, background=colour)


def test_folders_in_the_home(objects_run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(objects_run.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    out = f"~/{objects_run.name}/../exported"
    export(f"~/{objects_run.name}", 3, **SMALL | {"frames": 0}, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert (objects_run.parent / "exported" / "seed_3" / "mesh.glb").exists()
    shutil.rmtree(objects_run.parent / "exported")


def test_no_prior_is_made(objects_run, tmp_path, monkeypatch):
    def forbidden(*_: object, **__: object):
        raise AssertionError("an export needs no prior")

    for module in (build, run):
        monkeypatch.setattr(module, "make_prior", forbidden)
    export(objects_run, 3, **SMALL, out=tmp_path)
    assert len(contents(tmp_path)) == 2


@pytest.mark.slow
def test_neither_the_prior_nor_its_weights_are_needed(tmp_path, monkeypatch):
    """A run of a Stable Diffusion checkpoint, exported when the checkpoint is gone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = shutil.copytree(TINY / "sd2_tiny", tmp_path / "weights")
    overrides = SOLID | {
        "scene": {name: value for name, value in SOLID["scene"].items() if name != "shading.start"},
        "seeds": 1,
        "stages": {"steps": (2,), "resolution": (8,), "grid": (2,)},
        "prior.weights": str(weights),
        "prior.image_size": 32,
    }
    train(load_config("stable_diffusion_3d:sds", overrides), tmp_path / "run")
    shutil.rmtree(weights)
    before = contents(tmp_path / "run")
    made = export(tmp_path / "run", **SMALL | {"mesh_resolution": 16}, out=tmp_path / "exported")
    assert contents(tmp_path / "run") == before
    for name in ("turntable.gif", "mesh.glb"):
        written = tmp_path / "run" / "seed_0" / name
        assert (made / "seed_0" / name).exists() == written.exists()
        if written.exists():
            assert (made / "seed_0" / name).read_bytes() == written.read_bytes()


def test_a_seed_that_is_not_in_the_run(objects_run):
    with pytest.raises(UserError, match=r"--seed=9 is not in the run, which has seeds 3 to 4; .*4"):
        export(objects_run, 9, **SMALL)


def test_settings_out_of_range(objects_run):
    with pytest.raises(UserError, match=r"mesh_resolution is 3, expected a whole number of at le"):
        export(objects_run, **SMALL | {"mesh_resolution": 3})


@pytest.mark.slow
def test_images_have_no_meshes(images_run):
    with pytest.raises(UserError, match="holds images, which have no meshes and turntables"):
        export(images_run)


def test_a_folder_without_a_run_or_a_checkpoint(objects_run, tmp_path):
    with pytest.raises(UserError, match=r"holds no run \(config.json is missing\)"):
        export(tmp_path)
    (tmp_path / "config.json").write_bytes((objects_run / "config.json").read_bytes())
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        export(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        export(tmp_path)


def test_a_folder_that_cannot_be_written(objects_run, tmp_path):
    (tmp_path / "file").write_text("kept")
    for out in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(UserError, match=r"cannot be written|is a file"):
            export(objects_run, **SMALL, out=out)


def test_a_folder_of_samples_is_no_run(tmp_path):
    (tmp_path / "config.json").write_text('{"prompt": "a chair", "steps": 3}')
    with pytest.raises(UserError, match=r"holds no run of sdjax\.train"):
        export(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed=9"], "--seed=9 is not in the run"),
        (["--format=stl"], "flag --format=stl: value should be one of <glb|obj|ply>"),
        (["--frames=-1"], "flag --frames=-1: -1 is not a non-negative integer"),
        (["--frame=1"], "--frame is not an option; the nearest is --frames."),
    ],
)
def test_the_command_ends_with_one_line_and_exit_code_2(objects_run, arguments, sentence):
    command = [sys.executable, "-m", "sdjax.export", f"--workdir={objects_run}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"frames": 0, "mesh_resolution": 0}, "--frames and --mesh_resolution are both 0"),
        ({"out": " "}, "--out is empty"),
        ({"out": "~nobodyknown/x"}, "--out=~nobodyknown/x begins with a home that is not known"),
        ({"resolution": 10**9}, "--resolution is 1000000000, with which the turntables take"),
    ],
)
def test_what_is_wrong_with_an_option_is_told_of_the_option(objects_run, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        export(objects_run, **settings)
