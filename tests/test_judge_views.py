"""The command that looks at views drawn together, with a judge and a prior that are known."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax import judge_views as command
from sdjax.config.errors import UserError
from sdjax.evaluation.scenes import FIGURES
from sdjax.judge_views import judge_views, load_config
from tests.evaluation.fakes import Fixed
from tests.multiview_folders import mvdream_folder

pytestmark = pytest.mark.usefixtures("quick_compilation")


def tiny(weights, **overrides):
    config = load_config("judge_views", {"prior.weights": str(weights)})
    small = {"nouns": ("mug",), "seeds": 2, "steps": 2, "bank.draws": 1}
    return load_config(config, {**small, **overrides})


@pytest.mark.slow
@pytest.mark.long
def test_figures_of_drawn_and_of_true_scenes(tmp_path, monkeypatch):
    """Of random weights; the judge sees a red mug from the front everywhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "read_judge", lambda source: Fixed("mug", "red"))
    config = tiny(mvdream_folder(tmp_path / "model"), **{"colours.mug": ("red",)})
    metrics = judge_views(config, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == metrics
    assert metrics["all"]["drawn"].keys() == set(FIGURES) and set(metrics["nouns"]) == {"mug"}
    for name in ("drawn", "true"):
        means = metrics["prompts"]["a red mug"][name]
        assert means["named"] == {"mean": 1.0, "half": 0.0, "number": 2}
        assert means["ordered"] is None  # the judge does not tell directions of true renderings
    assert metrics["all"]["true"]["psnr"]["mean"] > metrics["all"]["drawn"]["psnr"]["mean"]
    sheet = np.asarray(Image.open(tmp_path / "run" / "drawn.png"))
    assert sheet.shape[1] > 8 * 32


def test_a_prior_without_views_together_is_refused():
    with pytest.raises(UserError, match=r"config\.prior\.name is 'stable_diffusion', expected"):
        load_config("judge_views", {"prior.name": "stable_diffusion"})


def test_the_package_judges_its_own_by_default():
    config = load_config("judge_views")
    assert config.prior.weights == "sdjax-small-mv" and config.judge == "sdjax-small-judge"
    assert not config.prior.prompts.view_dependent
