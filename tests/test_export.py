"""The export command, on a small finished run."""

import os
import subprocess
import sys

import pytest
import trimesh
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.export import export
from tests.small_runs import contents

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
        with pytest.raises(UserError, match="cannot be written"):
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
