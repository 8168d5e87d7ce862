"""Every rule's configuration on the small Stable Diffusion that comes with the package."""

import json

import numpy as np
import pytest

from sdjax.config.loading import rules_of
from sdjax.runs.combinations import check_config
from sdjax.runs.schema import load_config
from sdjax.train import train

pytestmark = pytest.mark.usefixtures("quick_compilation")
RUNS = [f"{task}:{rule}" for task in ("small_2d", "small_3d") for rule in rules_of(task)]
BOTH = {"seeds": 2, "run": {"chunk": 2, "devices": 1}}
SOLID = BOTH | {
    "stages": {"steps": (2,), "resolution": (16,), "grid": (6,)},  # surface noise: no less
    "report": {"views": 2, "frames": 2, "turntable_resolution": 8, "mesh_resolution": 8},
}
FLAT = BOTH | {"stages": {"steps": (2,), "resolution": (8,)}}


def small(name):
    return load_config(name, SOLID if "3d" in name else FLAT)


@pytest.mark.parametrize("name", RUNS)
def test_every_configuration_is_whole(name):
    config = load_config(name)
    check_config(config)
    rule = name.partition(":")[2].removesuffix("_inverted")
    assert config.prior.weights == "sdjax-small" and config.rule.name == rule


@pytest.mark.slow
@pytest.mark.long  # the same code on tiny networks is in test_stable_diffusion_runs.py
@pytest.mark.parametrize("name", RUNS)
def test_every_rule_trains(name, tmp_path):
    evaluation = train(small(name), tmp_path)
    assert evaluation.views.shape[0] == 2 and np.isfinite(evaluation.views).all()
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2 and last["loss/guidance"] > 0.0
