"""A run that a former version stored: it goes on, is exported and compared.

tests/data/former_run is of the version before settings stood beside the code, its configs/demo.py
made small as below: the configuration, the checkpoint after 4 of 6 steps, and as expected_views.npz
the views with which the run ended.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sdjax.compare import compare
from sdjax.config.errors import UserError
from sdjax.config.tables import flatten, place, resolve
from sdjax.export import export
from sdjax.reports.evaluation import load_views
from sdjax.reports.scalars import read_scalars
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.schema import SCHEMA, load_config
from sdjax.train import train
from tests.small_runs import wholly_compiled

GUIDANCE = 0.17895939946174622  # that its metrics.jsonl had for the last two steps
STORED = Path(__file__).parent / "data" / "former_run"
SMALL = {
    "seeds": 2,
    "first_seed": 3,
    "stages": {"steps": (4, 2), "resolution": (8, 16), "grid": (4, 5)},
    "prior.cameras": 3,
    "scene": {"samples": 4, "proposals": 4, "blob_scale": 12.0},
    "run": {"devices": 1, "chunk": 2, "checkpoint_every": 2},
    "report": {
        "views": 2,
        "frames": 2,
        "turntable_resolution": 8,
        "turntable_format": "gif",
        "mesh_resolution": 8,
    },
}


def copy_to(folder):
    """A folder that may be changed."""
    return shutil.copytree(STORED, folder, ignore=shutil.ignore_patterns("expected*"))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """The run, trained to its end as a user would: with all of XLA's optimisations."""
    folder = copy_to(tmp_path_factory.mktemp("former") / "run")
    with wholly_compiled():
        train("demo", folder, SMALL)
    return folder


@pytest.mark.slow
def test_it_goes_on_and_ends_as_it_did(resumed):
    """Bit for bit on the machine where it was stored; other processors round differently.

    The first steps of Adam go by the sign of the gradient, so that a vertex may go elsewhere whose
    gradient is but rounding: a few pixels in a thousand.
    """
    assert json.loads((resumed / "metrics.json").read_text())["resumed_at"] == 4
    (line,) = read_scalars(resumed)
    assert line == {"step": 6, "loss/guidance": pytest.approx(GUIDANCE, rel=1e-5)}
    views, _ = load_views(resumed / "views.npz")
    with np.load(STORED / "expected_views.npz") as file:
        expected = file["views"]
    assert views.shape == expected.shape and expected.std() > 20
    assert np.mean(np.abs(views.astype(int) - expected) > 1) < 0.005


def test_it_is_today_s_demo():
    assert read_run_config(STORED) == load_config("demo", SMALL)
    stored = flatten(json.loads((STORED / "config.json").read_text()))
    today = flatten(load_config("demo", SMALL))
    came_later = {
        "camera.relative_distance",
        "camera.rig",
        "losses.reference_mask",
        "losses.reference_rgb",
        "prior.aspect",
        "prior.image",
        "prior.image_azimuth",
        "prior.image_elevation",
        "prior.image_std",
        "prior.mask",
        "prior.views_together",
        "stages.reference_resolution",
        "stages.views",
        "losses.normal_smoothness_3d",
        "report.ddim_scale",
        "report.mesh_threshold",
        "rule.interpolate",
        "rule.ode_at",
        "rule.ode_start",
        "rule.ode_theta",
        "rule.random_delta",
        "run.on_nonfinite",
        "scene.perturbation",
    }
    assert came_later == set(today) - set(stored)
    assert all(name.startswith("noise.") for name in set(stored) - set(today))


@pytest.mark.slow
def test_a_field_that_came_later_has_its_default(tmp_path):
    """Each field in turn as if it were such."""
    config = load_config("demo", SMALL)
    defaults = {name: field.default for name, field in resolve(SCHEMA, config)}
    fields = [name for name in flatten(config) if not name.endswith("name")]
    for left_out in [name for name in fields if not name.startswith("annealing.")]:
        table = {}
        for name, value in flatten(config).items():
            if name != left_out:
                place(table, name, value)
        (tmp_path / "config.json").write_text(json.dumps(table))
        assert flatten(read_run_config(tmp_path)) == flatten(config) | {
            left_out: defaults[left_out]
        }


def test_it_is_exported_before_its_end(tmp_path):
    out = export(STORED, 4, film="gif", frames=2, resolution=8, mesh_resolution=8, out=tmp_path)
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == {"seed_4/turntable.gif", "seed_4/mesh.glb"}


def test_it_is_compared_with_others(resumed, tmp_path):
    compare(resumed.parent, tmp_path)
    table = (tmp_path / "comparison.md").read_text()
    assert "Prompt: a house" in table and "| run | DSD | 1 | 2 |" in table


def test_another_run_does_not_take_its_folder(tmp_path):
    folder = copy_to(tmp_path / "run")
    with pytest.raises(UserError, match=r"config.rule.delta is 0.1 there and 0.2 here"):
        train("demo", folder, SMALL | {"rule.delta": 0.2})
    assert (folder / "config.json").read_bytes() == (STORED / "config.json").read_bytes()
